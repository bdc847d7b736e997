"""Plans and the turns of people with them, as all other parts of the system know them."""

from __future__ import annotations

from ledger.log.event_kinds import Data, EventKinds
from ledger.patterns import Pattern
from pages import patterns
from pages.patterns import PatternPages
from plans import lookup, rules
from plans.models import Plan, PlanTurn
from plans.pages.cards import PLANS, TURNS
from plans.pages.listing import LANE
from plans.pages.statistics import report
from plans.pages.timeline import TIMELINE


def register() -> None:
    """Make plans and turns known; called once, when Django starts. Turns have no deadline."""
    patterns.register(
        PatternPages(
            pattern=PATTERN,
            noun="plan",
            number=lambda turn: turn.plan_id,
            urls="plans.pages.urls",
            cards={Plan._meta.label_lower: PLANS, PATTERN.label: TURNS},
            lane=LANE,
            timeline=TIMELINE,
            statistics=report,
        )
    )


def _name_outcome(kind: str, data: Data, outcome: str) -> str:
    """What people did with a plan when it was their turn. One that became moot is no decision."""
    by_outcome = {
        "accept": "approved",
        "edit": "changed",
        "feedback": "revision",
        "stop": "rejected",
        "input": "answered",
        "retry": "answered",
    }
    return by_outcome.get(str(data.get("outcome")), "") if kind == "plans.answered" else outcome


ACCEPTED = ("plans_accepted", "rounds", "steps", "steps_edited")
ENDED = ("plans_ended", "waited_ms", "worked_ms")
EVENTS = EventKinds(
    pattern="plans",
    title="Plans",
    needs=LANE.needs,
    asked="plans.asked",
    looked="plans.looked",
    read="plans.read",
    outcomes={"plans.answered": "answered"},
    cancelled="plans.cancelled",
    answers=True,
    type_in="turn",
    sums={
        "plans.accepted": ACCEPTED,
        "plans.completed": ENDED,
        "plans.stopped": ENDED,
        "plans.failed": ENDED,
    },
    corrected=_name_outcome,
)
PATTERN = Pattern(
    model=PlanTurn,
    events=EVENTS,
    find_by_id=lookup.find_turn_by_id,
    related=("run", "reviewer", "plan"),
    refusal=lambda turn, user: rules.no_part(turn.plan, user),
)
