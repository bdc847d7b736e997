"""How the ground and the journal handle outputs under review."""

from __future__ import annotations

from ledger import patterns
from reviews import lookup, rules
from reviews.models import ReviewItem


def register() -> None:
    """Make review items known; called once, when Django starts."""
    patterns.register(
        patterns.Pattern(
            model=ReviewItem,
            by_id=lookup.by_id,
            related=("reviewer",),
            outlives_its_run=True,  # nobody waits; what people say helps the next run
            heavy=ReviewItem.HEAVY,
            refusal=rules.refusal,
        )
    )
