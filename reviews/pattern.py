"""Outputs under review, as all other parts of the system know them."""

from __future__ import annotations

from ledger.log.event_kinds import EventKinds
from ledger.patterns import Pattern
from pages import patterns
from pages.patterns import PatternPages
from reviews import lookup, rules
from reviews.models import ReviewItem
from reviews.pages.cards import REVIEWS
from reviews.pages.idle import LANE
from reviews.pages.timeline import TIMELINE


def register() -> None:
    """Make review items known; called once, when Django starts."""
    patterns.register(
        PatternPages(
            pattern=PATTERN,
            noun="review",
            urls="reviews.pages.urls",
            cards={PATTERN.label: REVIEWS},
            idle=LANE,
            timeline=TIMELINE,
        )
    )


EVENTS = EventKinds(
    pattern="reviews",
    title="Reviews",
    needs=LANE.needs,
    asked="reviews.added",
    looked="reviews.looked",
    read="reviews.read",
    outcomes={
        "reviews.approved": "approved",
        "reviews.rejected": "rejected",
        "reviews.corrected": "changed",
        "reviews.released": "approved",  # by the rule of its type, without a review
    },
    cancelled="reviews.cancelled",
    type_in="output_type",
    also_looked=frozenset({"reviews.claimed"}),
)
PATTERN = Pattern(
    model=ReviewItem,
    events=EVENTS,
    find_by_id=lookup.find_by_id,
    related=("reviewer",),
    outlives_its_run=True,  # nobody waits; what people say helps the next run
    heavy=ReviewItem.HEAVY,
    refusal=rules.refusal,
)
