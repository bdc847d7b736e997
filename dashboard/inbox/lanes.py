"""The kinds of questions on which an agent waits, as the inbox and the menu show them.

A new pattern whose agents wait is one Lane here, one Kind in cards.py, and one line in
templates/dashboard/_rows.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, Count, Max, Min, Value, When

from approvals.models import ApprovalRequest
from approvals.pages import listing
from escalations.lookup import RELATED as ESCALATION_ROWS
from escalations.models import Escalation
from escalations.pages import listing as escalation_listing
from ledger.requests.models import HumanRequest
from ledger.risk import RiskLevel
from ledger.statements.prepared import Number, Rows, Values, union, whole
from pages.filters import MAX_AGENTS, Filter
from pages.urgency import Place, by_urgency, most_urgent
from plans.models import PlanTurn
from plans.pages import listing as plan_listing

Reader = User | AnonymousUser
Row = tuple[Place, Mapping[str, Any]]  # where it stands; by its name in the template, what it is


@dataclass(frozen=True)
class Lane:
    """One kind of question. Its rows have `risk_level`, `risk_rank`, `deadline` and `agent_id`."""

    key: str  # of its figure: #count-<key> in the menu, and in the frames of the socket
    name: str
    icon: str
    index: str  # the URL name of the page that lists all of them
    needs: str  # the permission of those who may see them
    model: type[HumanRequest]
    row: str  # what templates/dashboard/_rows.html calls one of them
    related: tuple[str, ...]  # what its row shows besides
    matching: Callable[[Any, Filter], Any]
    decided: tuple[str, ...]  # the kinds of events by which people decide
    shown: Callable[[Any], Any]  # of decided rows, those that the inbox shows

    def open(self) -> Any:
        """What a person can decide now."""
        return self.model.objects.open()

    def figures(self) -> dict[str, Any]:
        """How many are open, and the highest risk among them, as the socket tells them."""
        found = figures_of([self])[self]
        return {self.key: found.number, f"{self.key}_risk": found.risk}


class Figures(NamedTuple):
    """How many questions of a lane are open, and the highest rank and next deadline among them."""

    number: int = 0
    rank: int | None = None
    deadline: datetime | None = None

    @property
    def risk(self) -> str:
        """The highest risk among them; "" if there are none."""
        return next((str(level) for level in RiskLevel if level.rank == self.rank), "")


def figures_of(lanes: Iterable[Lane]) -> dict[Lane, Figures]:
    """The figures of each of these lanes."""
    lanes = tuple(lanes)
    if not lanes:
        return {}
    return {lanes[at]: Figures(*figures) for at, *figures in _figures(lanes)()}


def agents_of(lanes: Iterable[Lane]) -> list[str]:
    """The agents that ask what is open in any of these lanes, sorted."""
    lanes = tuple(lanes)
    return [name for (name,) in _agents(lanes)()] if lanes else []


# Written once each, and one for all lanes: the inbox asks them for every page that it shows.


@cache
def _first(lane: Lane, size: int) -> Rows[Any]:
    return Rows(lambda: by_urgency(lane.open().select_related(*lane.related))[:size])


@cache
def _agents(lanes: tuple[Lane, ...]) -> Values:
    def names() -> Any:
        each = (lane.open().order_by().values_list("agent_id").distinct() for lane in lanes)
        return union(each).order_by("agent_id")[:MAX_AGENTS]

    return Values(names)


@cache
def _figures(lanes: tuple[Lane, ...]) -> Values:
    def figures(at: int, lane: Lane) -> Any:
        return whole(lane.open(), Value(at), Count("pk"), Max("risk_rank"), Min("deadline"))

    return Values(lambda: union((figures(*lane) for lane in enumerate(lanes)), all=True))


LANES: tuple[Lane, ...] = (
    Lane(
        key="approvals",
        name="Approvals",
        icon="shield-check",
        index="approvals:index",
        needs="approvals.view_approvalrequest",
        model=ApprovalRequest,
        row="approval",
        related=("run", "reviewer"),
        matching=listing.matching,
        decided=("approvals.approved", "approvals.rejected", "approvals.revision_requested"),
        shown=lambda rows: rows.exclude(status="needs_revision", resolution="edited"),
    ),
    Lane(
        key="escalations",
        name="Escalations",
        icon="life-buoy",
        index="escalations:index",
        needs="escalations.view_escalation",
        model=Escalation,
        row="escalation",
        related=ESCALATION_ROWS,
        matching=escalation_listing.matching,
        decided=("escalations.answered", "escalations.dismissed"),
        shown=lambda rows: rows,
    ),
    Lane(
        key="plans",
        name="Plans",
        icon="list-checks",
        index="plans:index",
        needs="plans.view_plan",
        model=PlanTurn,
        row="plan_turn",
        related=("run", "reviewer", "plan"),
        matching=plan_listing.turns,
        decided=("plans.answered",),
        shown=lambda rows: rows,
    ),
)
DOUBTS = 99  # the table that runs in doubt count as in the order of the inbox: the last one


def lanes_for(user: Reader) -> list[Lane]:
    """The lanes whose questions this person may see."""
    return [lane for lane in LANES if user.has_perm(lane.needs)]


def table(lane: Lane) -> int:
    """The number by which equally urgent rows of different kinds are ordered."""
    return LANES.index(lane)


def rows(lanes: Iterable[Lane], wanted: Filter, after: Place | None, size: int) -> list[Row]:
    """The `size` most urgent open questions of these lanes that match, after that place.

    Name only lanes with something open: planning the joins of rows takes longer than all else.
    """
    found: list[Row] = []
    for lane in lanes:
        number = table(lane)
        if wanted or after is not None:
            matching = lane.matching(lane.open().select_related(*lane.related), wanted)
            urgent = most_urgent(matching, after, number, size)
        else:
            urgent = _first(lane, size)()
        found += [(Place.of(each, number), {lane.row: each}) for each in urgent]
    return sorted(found, key=lambda row: row[0].key)[:size]


@dataclass(frozen=True)
class Waiting:
    """Agents, rows and the next deadline; of everything, whatever the filter."""

    agents: int
    rows: int
    deadline: datetime | None

    @classmethod
    def of(cls, figures: Mapping[Lane, Figures], in_doubt: int) -> Waiting:
        """Those of lanes with these figures, beside so many runs in doubt."""
        deadlines = [each.deadline for each in figures.values() if each.deadline]
        return cls(
            agents=(_asking(tuple(figures))() if figures else 0) + in_doubt,
            rows=sum(each.number for each in figures.values()) + in_doubt,
            deadline=min(deadlines, default=None),
        )


@cache
def _asking(lanes: tuple[Lane, ...]) -> Number:
    """How many different runs ask, and how many agents without one; one that asks twice is one."""
    without = Case(When(run=None, then="agent_id"), default=Value(""))

    def askers(lane: Lane) -> Any:
        return lane.open().annotate(without=without).values_list("run", "without").distinct()

    return Number(lambda: union(map(askers, lanes)))
