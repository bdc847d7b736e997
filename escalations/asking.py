"""Creation of escalations: checked, with the threshold, risk and deadline that hold now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from escalations import thresholds
from escalations.digests import digest
from escalations.models import Escalation
from ledger import canonical
from ledger.clock import now
from ledger.errors import BadInput
from ledger.models import Run
from ledger.requests.asking import check_name, find_asked
from ledger.risk import RiskLevel
from ledger.transitions import record, verb

MAX_REASON = 10_000  # characters


@verb
def ask(
    *,
    agent_id: str,
    reason: str,
    context: Any,
    type: str = "general",  # the word of the model
    threshold: float | None = None,
    run: Run | None = None,
    key: str = "",
) -> Escalation:
    """Store a question to people under the rule that holds now, and log it.

    `threshold` is the confidence that the agent needed to go on alone (None: what a row says). The
    confidence is what the context says under that name. The same (run, key) again answers the row that is there. Raises
    BadInput, or IllegalMove when the run is over; nothing is stored then.
    """
    asked_before = find_asked(Escalation, run, key)
    if asked_before is not None:
        return asked_before
    check_name("agent_id", agent_id)
    check_name("type", type)
    _check_reason(reason)
    check_context(context)
    rule = thresholds.rule_for(agent_id, type, threshold)
    risk = RiskLevel(rule["risk_level"])
    escalation = Escalation(
        run=run,
        key=key,
        agent_id=agent_id,
        type=type,
        reason=reason,
        context=context,
        confidence=confidence_in(context),
        rule=rule,
        risk_level=risk,
        risk_rank=risk.rank,
        created_at=now(),
    )
    if rule["deadline_seconds"] is not None:
        wait = timedelta(seconds=rule["deadline_seconds"])
        escalation.deadline = escalation.created_at + wait
    _store(escalation)
    return escalation


def check_context(context: object) -> None:
    """BadInput, with the limit named, for what is no JSON or too large."""
    canonical.canonical(context, "context")


def _check_reason(reason: object) -> None:
    if not isinstance(reason, str) or not reason.strip():
        raise BadInput("reason", "Say why you ask.")
    if len(reason) > MAX_REASON:
        raise BadInput("reason", f"longer than {MAX_REASON:,} characters.")
    canonical.canonical(reason, "reason")


def confidence_in(context: Any) -> float | None:
    """The confidence that a context states: a number from 0 to 1 under that name, else None."""
    found = context.get("confidence") if isinstance(context, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if 0 <= found <= 1 else None  # NaN is not, either


def _store(escalation: Escalation) -> None:
    escalation.digest = digest(escalation)
    escalation.save(force_insert=True)
    deadline = escalation.deadline
    record(
        "escalations.asked",
        escalation.subject,
        actor=f"agent:{escalation.agent_id}",
        run_id=escalation.run_id,
        type=escalation.type,
        risk=str(escalation.risk_level),
        confidence=escalation.confidence,
        confidence_read=escalation.confidence_read,
        threshold=escalation.threshold,
        digest=escalation.digest,
        deadline=None if deadline is None else deadline.isoformat(),
    )
