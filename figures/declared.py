"""What the events of each pattern mean: asked, looked at, decided, and with which outcome.

This is all that is known here of the patterns: words of the log. A new pattern is one entry.
Whoever changes what is counted, or into which slots, raises RULES, and everything is counted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RULES = 3  # of counting; roll-ups made under others are thrown away

Data = Mapping[str, Any]


def _as_it_says(kind: str, data: Data, outcome: str) -> str:
    return outcome


@dataclass(frozen=True)
class Declared:
    """The events of one pattern.

    `outcomes`: the column that counts a decision, by its kind. It is the outcome when a person
    decided; one by the deadline counts as timed out, one by a rule or a program as automatic.
    `sums`: the columns to which an event of that kind adds the numbers that its `figures` say, if
    it says any; its `agent` says of whom they are.
    """

    pattern: str
    title: str
    needs: str  # the permission of those who may see it
    asked: str
    looked: str
    read: str
    outcomes: Mapping[str, str]
    cancelled: str
    judges: bool = True  # whether decisions say yes or no, so that there is a share of yes
    answers: bool = False  # whether there are decisions that answer something
    type_in: str = ""  # the field of `asked` that says of which type it is
    risk_in: str = ""
    also_looked: frozenset[str] = frozenset()  # what else shows that a person has it in sight
    sums: Mapping[str, Sequence[str]] = field(default_factory=dict)  # see below
    corrected: Callable[[str, Data, str], str] = field(default=_as_it_says)

    @property
    def looks(self) -> frozenset[str]:
        """The events of which the first one is the first look."""
        return frozenset({self.looked, *self.also_looked})

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds of events that count."""
        return frozenset({*self.looks, self.read, self.cancelled, *self.outcomes, *self.sums})


def _edited(kind: str, data: Data, outcome: str) -> str:
    """An edit is one decision about two requests: the first was waited for, so it counts there."""
    if data.get("by") != "edited":
        return outcome
    return "changed" if kind == "approvals.revision_requested" else ""


APPROVALS = Declared(
    pattern="approvals",
    title="Approvals",
    needs="approvals.view_approvalrequest",
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
    corrected=_edited,
)
ESCALATIONS = Declared(
    pattern="escalations",
    title="Escalations",
    needs="escalations.view_escalation",
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
REVIEWS = Declared(
    pattern="reviews",
    title="Reviews",
    needs="reviews.view_reviewitem",
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


def _turned(kind: str, data: Data, outcome: str) -> str:
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
PLANS = Declared(
    pattern="plans",
    title="Plans",
    needs="plans.view_plan",
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
    corrected=_turned,
)

ALL = (APPROVALS, ESCALATIONS, PLANS, REVIEWS)
BY_PATTERN: Mapping[str, Declared] = {each.pattern: each for each in ALL}
BY_KIND: Mapping[str, Declared] = {kind: each for each in ALL for kind in each.kinds}
SUMS = frozenset().union(*(each.sums for each in ALL))
ASKED: Mapping[str, Declared] = {each.asked: each for each in ALL}
LOOKED = frozenset().union(*(each.looks for each in ALL))
