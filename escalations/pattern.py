"""How the ground and the journal handle escalations."""

from __future__ import annotations

from escalations import deadlines, lookup, rules
from escalations.models import Escalation
from ledger import patterns


def register() -> None:
    """Make escalations known; called once, when Django starts."""
    patterns.register(
        patterns.Pattern(
            model=Escalation,
            by_id=lookup.by_id,
            shorten=deadlines.shorten,
            expire=deadlines.expire,
            related=("reviewer",),
            refusal=rules.refusal,
        )
    )
