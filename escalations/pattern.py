"""Escalations, as all other parts of the system know them."""

from __future__ import annotations

from escalations import deadlines, lookup, rules
from escalations.models import Escalation
from escalations.pages.cards import ESCALATIONS
from escalations.pages.listing import LANE
from escalations.pages.statistics import report
from escalations.pages.timeline import TIMELINE
from ledger.log.event_kinds import EventKinds
from ledger.patterns import Pattern
from pages import patterns
from pages.patterns import PatternPages


def register() -> None:
    """Make escalations known; called once, when Django starts."""
    patterns.register(
        PatternPages(
            pattern=PATTERN,
            noun="escalation",
            urls="escalations.pages.urls",
            cards={PATTERN.label: ESCALATIONS},
            lane=LANE,
            timeline=TIMELINE,
            statistics=report,
        )
    )


EVENTS = EventKinds(
    pattern="escalations",
    title="Escalations",
    needs=LANE.needs,
    asked="escalations.asked",
    looked="escalations.looked",
    read="escalations.read",
    outcomes={
        "escalations.answered": "answered",
        "escalations.dismissed": "dismissed",
        "escalations.handled": "answered",
        "escalations.expired": "timed_out",
    },
    cancelled="escalations.cancelled",
    judges=False,
    answers=True,
    type_in="type",
    risk_in="risk",
    also_looked=frozenset({"escalations.claimed"}),
)
PATTERN = Pattern(
    model=Escalation,
    events=EVENTS,
    find_by_id=lookup.find_by_id,
    shorten=deadlines.shorten,
    expire=deadlines.expire,
    related=("reviewer",),
    refusal=rules.refusal,
)
