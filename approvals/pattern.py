"""Requests for approval, as all other parts of the system know them."""

from __future__ import annotations

from approvals import actions, deadlines, lookup, outcome, rules
from approvals.models import ApprovalRequest
from approvals.pages.cards import APPROVALS
from approvals.pages.listing import LANE
from approvals.pages.timeline import TIMELINE
from ledger.log.event_kinds import Data, EventKinds
from ledger.patterns import Pattern
from pages import patterns
from pages.patterns import PatternPages


def register() -> None:
    """Make requests for approval known; called once, when Django starts."""
    patterns.register(
        PatternPages(
            pattern=PATTERN,
            noun="approval",
            urls="approvals.pages.urls",
            cards={PATTERN.label: APPROVALS},
            lane=LANE,
            timeline=TIMELINE,
            find_action=actions.get,
        )
    )


def _correct_outcome(kind: str, data: Data, outcome: str) -> str:
    """An edit is one decision about two requests: the first was waited for, so it counts there."""
    if data.get("by") != "edited":
        return outcome
    return "changed" if kind == "approvals.revision_requested" else ""


EVENTS = EventKinds(
    pattern="approvals",
    title="Approvals",
    needs=LANE.needs,
    asked="approvals.asked",
    looked="approvals.looked",
    read="approvals.read",
    outcomes={
        "approvals.approved": "approved",
        "approvals.rejected": "rejected",
        "approvals.revision_requested": "revision",
    },
    cancelled="approvals.cancelled",
    type_in="action",
    risk_in="risk",
    corrected=_correct_outcome,
)
PATTERN = Pattern(
    model=ApprovalRequest,
    events=EVENTS,
    find_by_id=lookup.find_by_id,
    shorten=deadlines.shorten,
    expire=deadlines.expire,
    effective=outcome.effective,
    related=("reviewer", "gate"),
    heavy=("details", "story"),
    refusal=rules.refusal,
)
