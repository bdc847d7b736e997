"""The kinds of questions on which an agent waits, as the inbox and the menu show them.

A new pattern whose agents wait is one Lane here, one Kind in cards.py, and one line in
templates/dashboard/_rows.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Max, Min

from approvals import listing
from approvals.models import ApprovalRequest
from escalations import listing as escalation_listing
from escalations.finding import RELATED as ESCALATION_ROWS
from escalations.models import Escalation
from ledger.models import HumanRequest, Run
from ledger.prepared import Number, Rows, Values, whole
from ledger.risk import RiskLevel
from pages.filters import Filter, agents_of
from pages.urgency import Place, by_urgency, most_urgent
from plans import listing as plan_listing
from plans.models import PlanTurn

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
        """How many are open, and the highest risk among them ("" if there are none)."""
        count, rank, _ = _figures(self)
        risk = next((str(level) for level in RiskLevel if level.rank == rank), "")
        return {self.key: count, f"{self.key}_risk": risk}

    def first(self, size: int) -> list[Any]:
        """The `size` most urgent of all that are open."""
        return _first(self, size)() if _any(self)() else []

    def agents(self) -> list[str]:
        """The agents that ask what is open, sorted."""
        return [name for (name,) in _agents(self)()]


# Written once each: the inbox asks them for every page that it shows.


@cache
def _any(lane: Lane) -> Values:
    """Asked first: where nothing is open, planning the rows' joins takes longer than all else."""
    return Values(lambda: lane.open().order_by().values_list("pk")[:1])


@cache
def _first(lane: Lane, size: int) -> Rows[Any]:
    return Rows(lambda: by_urgency(lane.open().select_related(*lane.related))[:size])


@cache
def _agents(lane: Lane) -> Values:
    return Values(lambda: agents_of(lane.open()))


@cache
def _written_figures(lane: Lane) -> Values:
    return Values(lambda: whole(lane.open(), Count("pk"), Max("risk_rank"), Min("deadline")))


def _figures(lane: Lane) -> tuple[int, int | None, datetime | None]:
    """How many are open, the highest rank of risk and the next deadline."""
    ((count, rank, deadline),) = _written_figures(lane)()
    return count, rank, deadline


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
    """The `size` most urgent open questions of these lanes that match, after that place."""
    found: list[Row] = []
    for lane in lanes:
        number = table(lane)
        if wanted or after is not None:
            matching = lane.matching(lane.open().select_related(*lane.related), wanted)
            urgent = most_urgent(matching, after, number, size)
        else:
            urgent = lane.first(size)
        found += [(Place.of(each, number), {lane.row: each}) for each in urgent]
    return sorted(found, key=lambda row: row[0].key)[:size]


@dataclass(frozen=True)
class Waiting:
    """Agents, rows and the next deadline; of everything, whatever the filter."""

    agents: int
    rows: int
    deadline: datetime | None

    @classmethod
    def now(cls, lanes: Iterable[Lane], may_see_runs: bool) -> Waiting:
        """The figures for somebody who sees these lanes and perhaps runs, some of them in doubt."""
        lanes = tuple(lanes)
        found = [_figures(lane) for lane in lanes]
        deadlines = [deadline for _, _, deadline in found if deadline]
        doubtful = _doubtful() if may_see_runs else 0
        return cls(
            agents=sum(count() for count in _asking(lanes)) + doubtful,
            rows=sum(count for count, _, _ in found) + doubtful,
            deadline=min(deadlines, default=None),
        )


_doubtful = Number(lambda: Run.objects.filter(status=Run.Status.IN_DOUBT).values_list("pk"))


@cache
def _asking(lanes: tuple[Lane, ...]) -> list[Number]:
    """How many different runs ask, and how many agents without one; one that asks twice is one."""

    def together(values: Callable[[Any], Any]) -> Number:
        def build() -> Any:
            distinct = [values(lane.open()).distinct() for lane in lanes]
            return reduce(lambda one, other: one.union(other), distinct)

        return Number(build)

    if not lanes:
        return []
    return [
        together(lambda rows: rows.exclude(run=None).values_list("run")),
        together(lambda rows: rows.filter(run=None).values_list("agent_id")),
    ]
