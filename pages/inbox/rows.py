"""The inbox: the lanes of all patterns in one order, the most urgent first, and its head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import Case, Value, When
from django.template.loader import render_to_string

from ledger.models import Run
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Number, Rows, union
from pages import patterns
from pages.filters import Filter
from pages.inbox.lanes import Figures, Fragment, IdleLane, Lane, Reader, figures_of
from pages.inbox.urgency import Place, most_urgent, order_by_urgency

Row = tuple[Place, Fragment]  # where it stands, and what stands there


@cache
def lanes() -> tuple[Lane, ...]:
    """The lane of every pattern whose agents wait."""
    return tuple(each.lane for each in patterns.list_pages() if each.lane)


def lanes_for(user: Reader) -> list[Lane]:
    """The lanes whose questions this person may see."""
    return [lane for lane in lanes() if user.has_perm(lane.needs)]


def idle_lanes_for(user: Reader) -> list[IdleLane]:
    """The lanes for which nobody waits and whose rows this person may see."""
    found = (each.idle for each in patterns.list_pages() if each.idle)
    return [lane for lane in found if user.has_perm(lane.needs)]


@cache
def table_of(model: type[HumanRequest]) -> int:
    """The number by which equally urgent rows of different kinds are ordered."""
    return next(place for place, lane in enumerate(lanes()) if lane.model is model)


def place_of(request: HumanRequest) -> Place:
    """Where a question stands in the inbox."""
    return Place.of(request, table_of(type(request)))


@cache  # written once: planning the joins of rows takes longer than all else
def _select_first(lane: Lane, size: int) -> Rows[Any]:
    return Rows(lambda: order_by_urgency(lane.open().select_related(*lane.related))[:size])


def rows(of: Iterable[Lane], wanted: Filter, after: Place | None, size: int) -> list[Row]:
    """The `size` most urgent open questions of these lanes that match, after that place.

    Name only lanes with something open: asking about the others costs as much.
    """
    found: list[Row] = []
    for lane in of:
        if wanted or after is not None:
            matching = lane.matching(lane.open().select_related(*lane.related), wanted)
            urgent = most_urgent(matching, after, table_of(lane.model), size)
        else:
            urgent = _select_first(lane, size)()
        found += [(place_of(each), lane.draw(each)) for each in urgent]
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
            agents=(_count_asking(tuple(figures))() if figures else 0) + in_doubt,
            rows=sum(each.number for each in figures.values()) + in_doubt,
            deadline=min(deadlines, default=None),
        )


@cache
def _count_asking(of: tuple[Lane, ...]) -> Number:
    """How many different runs ask, and how many agents without one; one that asks twice is one."""
    without = Case(When(run=None, then="agent_id"), default=Value(""))

    def askers(lane: Lane) -> Any:
        return lane.open().annotate(without=without).values_list("run", "without").distinct()

    return Number(lambda: union(map(askers, of)))


def draw_head() -> Mapping[str, str]:
    """The element that says how many wait, by its id; the same for everybody.

    As for those who may see everything, as nearly all may.
    """
    context = {"waiting": Waiting.of(figures_of(lanes()), _in_doubt())}
    return {"waiting": render_to_string("_waiting.html", context)}


_in_doubt = Number(lambda: Run.objects.filter(status=Run.Status.IN_DOUBT).values_list("pk"))
