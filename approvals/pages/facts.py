"""The facts that the system itself knows about a request; they stand above the agent's words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from approvals.models import (
    ApprovalRequest,
    ApprovalRequestQuerySet,
    ApprovalStatus,
    Resolution,
)
from ledger.clock import read_local_clock
from ledger.risk import RiskLevel

MEMORY = timedelta(days=30)
LOOKED_AT = 1_000  # earlier requests of the same agent and action


@dataclass(frozen=True)
class Facts:
    """Sentences and figures for the page of one request."""

    risk: str  # why this risk counts
    undo: str
    undo_why: str
    rule: str
    first: bool  # nothing like it was ever approved for this agent
    approved: int  # by people, in the last 30 days
    rejected: int


def read_facts(approval: ApprovalRequest) -> Facts:
    """The facts about one request; two queries, however many requests there were before."""
    undo, undo_why = _undo(approval)
    earlier = ApprovalRequest.objects.filter(
        agent_id=approval.agent_id, action=approval.action, pk__lt=approval.pk
    )
    decided = _count_decided(earlier)
    return Facts(
        risk=_risk(approval),
        undo=undo,
        undo_why=undo_why,
        rule=_rule(approval),
        first=not earlier.filter(status=ApprovalStatus.APPROVED).exists(),
        approved=decided[ApprovalStatus.APPROVED],
        rejected=decided[ApprovalStatus.REJECTED],
    )


def _risk(approval: ApprovalRequest) -> str:
    if not approval.risk_read:
        floor = f"; {approval.action} declares {approval.risk_declared}"
        unread = "the model's risk could not be read: it asks"
        return f"{unread}{floor if approval.risk_declared else ''}"
    stated = RiskLevel(approval.risk_stated)
    if not approval.risk_declared:
        return "the agent's word; no action of this name is registered here"
    declared = RiskLevel(approval.risk_declared)
    if stated == declared:
        return f"{approval.action} declares {declared}, and the agent says the same"
    return f"{approval.action} declares {declared}, the agent says {stated}; the higher counts"


def _undo(approval: ApprovalRequest) -> tuple[str, str]:
    if approval.undoable is None:
        return "Not known", "no action of this name is registered here"
    said = approval.declared.description if approval.declared else "as the action declares"
    return ("Yes" if approval.undoable else "No"), said


def _rule(approval: ApprovalRequest) -> str:
    deciders = ", ".join(approval.rule.get("deciders", [])) or "superusers"
    verb = "decides" if deciders.count(",") == 0 and not deciders.endswith("s") else "decide"
    return f"asks from {approval.rule.get('threshold', '')}; {deciders} {verb}"


def _count_decided(earlier: ApprovalRequestQuerySet) -> Counter[str]:
    """How people decided the newest of them: status → number."""
    newest = earlier.order_by("-pk").values_list("status", "resolution", "resolved_at")
    since = read_local_clock() - MEMORY
    return Counter(
        status
        for status, resolution, at in newest[:LOOKED_AT]
        if at is not None and at > since and resolution in (Resolution.PERSON, Resolution.EDITED)
    )
