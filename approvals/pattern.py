"""How the ground and the journal handle requests for approval."""

from __future__ import annotations

from approvals import deadlines, lookup, outcome, rules
from approvals.models import ApprovalRequest
from ledger import patterns


def register() -> None:
    """Make requests for approval known; called once, when Django starts."""
    patterns.register(
        patterns.Pattern(
            model=ApprovalRequest,
            by_id=lookup.by_id,
            shorten=deadlines.shorten,
            expire=deadlines.expire,
            effective=outcome.effective,
            related=("reviewer", "gate"),
            heavy=("details", "story"),
            refusal=rules.refusal,
        )
    )
