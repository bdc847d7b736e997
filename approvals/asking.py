"""Creation of requests: checked, with the rule, risk and deadline that hold at that moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from approvals import actions, envelope
from approvals.models import ApprovalRequest, ApprovalStatus, Gate, Resolution
from ledger import canonical
from ledger.clock import now
from ledger.models import Run
from ledger.requests.asking import check_name, find_asked
from ledger.risk import RiskLevel
from ledger.transitions import move, record, verb

PREVIEW = 240  # characters


@verb
def ask(
    *,
    gate: Gate,
    agent_id: str,
    action: str,
    details: Any,
    risk_level: object = RiskLevel.MEDIUM,
    risk_read: bool = True,
    run: Run | None = None,
    key: str = "",
    previous: ApprovalRequest | None = None,
    story: str = "",
) -> ApprovalRequest:
    """Store a request with the rule, the risk and the deadline that hold now, and log it.

    Below the gate's threshold it is approved by the rule in the same transaction; a revision
    that a person asked for always goes before a person, and so does what was not `risk_read`: a
    risk that the model was asked for and nobody could read. The same (run, key) again answers the
    row that is there. Raises BadInput, or IllegalMove when the run is over; nothing is stored.
    """
    asked_before = find_asked(ApprovalRequest, run, key)
    if asked_before is not None:
        return asked_before
    request = _build_request(gate.rule, agent_id, action, details, risk_level, previous)
    request.gate, request.run, request.key = gate, run, key
    request.story, request.risk_read = canonical.storable(story), risk_read
    below = request.risk_rank < RiskLevel(gate.risk_threshold).rank
    by_rule = previous is None and risk_read and below
    wait = gate.deadline_seconds
    if wait is not None and not by_rule:
        request.deadline = request.created_at + timedelta(seconds=wait)
    _store(request)
    if by_rule:
        _approve_by_rule(request)
    return request


def ask_edited(old: ApprovalRequest, details: Any, author: Any) -> ApprovalRequest:
    """The next revision of `old`, written by a reviewer, under the rule and deadline of `old`."""
    request = _build_request(old.rule, old.agent_id, old.action, details, old.risk_stated, old)
    request.gate, request.run, request.deadline = old.gate, old.run, old.deadline
    request.author, request.risk_read = author, old.risk_read
    _store(request)
    return request


def _build_request(
    rule: dict[str, Any],
    agent_id: str,
    action: str,
    details: Any,
    risk_level: object,
    previous: ApprovalRequest | None,
) -> ApprovalRequest:
    """A request, not stored yet. Its risk is the highest of what was said, declared and before."""
    check_name("agent_id", agent_id)
    check_name("action", action)
    stated = RiskLevel.parse(risk_level)
    text = canonical.canonical(details)
    declared = actions.get(action)
    risk = stated if declared is None else RiskLevel.higher(stated, declared.floor)
    if previous is not None:
        risk = RiskLevel.higher(risk, RiskLevel(previous.risk_level))
    return ApprovalRequest(
        agent_id=agent_id,
        action=action,
        details=canonical.parse(text),
        risk_level=risk,
        risk_rank=risk.rank,
        risk_stated=stated,
        risk_declared="" if declared is None else declared.floor,
        rule=rule,
        created_at=now(),
        previous=previous,
        revision=1 if previous is None else previous.revision + 1,
        preview=_preview(declared, details, text),
        undoable=None if declared is None else declared.undoable,
    )


def _preview(declared: actions.Action | None, details: Any, text: str) -> str:
    """One line for lists. Only there may it be cut: the page that decides shows everything."""
    line = "" if declared is None else canonical.storable(declared.preview_line(details))
    line = line or text
    return line if len(line) <= PREVIEW else f"{line[:PREVIEW]}…"


def _store(request: ApprovalRequest) -> None:
    request.digest = envelope.digest(request)
    request.save(force_insert=True)
    record(
        "approvals.asked",
        request.subject,
        actor=f"agent:{request.agent_id}",
        run_id=request.run_id,
        action=request.action,
        risk=str(request.risk_level),
        risk_read=request.risk_read,
        revision=request.revision,
        digest=request.digest,
        deadline=_text(request.deadline),
    )


def _text(deadline: datetime | None) -> str | None:
    return None if deadline is None else deadline.isoformat()


def _approve_by_rule(request: ApprovalRequest) -> None:
    changes = {"resolved_at": now(), "resolution": Resolution.RULE}
    move(
        request,
        ApprovalStatus.APPROVED,
        kind="approvals.approved",
        actor=f"rule:{request.rule['gate']}",
        changes=changes,
        by="rule",
        digest=request.digest,
    )
