"""Wishes, as all other parts of the system know them."""

from __future__ import annotations

from ledger.log.event_kinds import EventKinds
from ledger.patterns import Pattern
from ledger.requests.checks import make_finder
from pages import patterns
from pages.patterns import PatternPages
from tests.toy_pattern import pages
from tests.toy_pattern.models import Wish


def register() -> None:
    """Make wishes known; called once, when Django starts."""
    patterns.register(
        PatternPages(
            pattern=PATTERN,
            noun="wish",
            urls="tests.toy_pattern.pages",
            cards={PATTERN.label: pages.WISHES},
            lane=pages.LANE,
            timeline=pages.TIMELINE,
            statistics=pages.report,
        )
    )


EVENTS = EventKinds(
    pattern="wishes",
    title="Wishes",
    needs=pages.NEEDS,
    asked="wishes.asked",
    looked="wishes.looked",
    read="wishes.read",
    outcomes={"wishes.granted": "approved"},
    cancelled="wishes.cancelled",
    risk_in="risk",
)
PATTERN = Pattern(
    model=Wish,
    events=EVENTS,
    find_by_id=make_finder(Wish, "wish", "run", "reviewer"),
    refusal=lambda wish, user: None,
)
