"""Lanes of the inbox and lines of the menu: what waits for people, as each pattern describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Max, Min, Value

from ledger.requests.models import HumanRequest
from ledger.risk import RiskLevel
from ledger.statements.prepared import Number, Values, union, whole
from pages.filters import MAX_AGENTS, Filter

Reader = User | AnonymousUser


class Fragment(NamedTuple):
    """A piece of a page: its template and what that needs. `{% draw fragment %}` puts it there."""

    template: str
    context: Mapping[str, Any]


def _keep_all(rows: Any) -> Any:
    return rows


@dataclass(frozen=True)
class Lane:
    """Questions on which an agent waits; they have `risk_level`, `risk_rank`, `deadline`, `agent_id`."""

    key: str  # of its figure: #count-<key> in the menu, and in the frames of the socket
    name: str
    icon: str
    index: str  # the URL name of the page that lists all of them
    needs: str  # the permission of those who may see them
    model: type[HumanRequest]
    row: str  # the template of one of them
    variable: str  # what that template calls it
    related: tuple[str, ...]  # what its row shows besides
    matching: Callable[[Any, Filter], Any]
    decided: tuple[str, ...]  # the kinds of events by which people decide
    shown: Callable[[Any], Any] = _keep_all  # of decided rows, those that the inbox shows

    def open(self) -> Any:
        """What a person can decide now."""
        return self.model.objects.open()

    def figures(self) -> dict[str, Any]:
        """How many are open, and the highest risk among them, as the socket tells them."""
        found = figures_of([self])[self]
        return {self.key: found.number, f"{self.key}_risk": found.risk}

    def draw(self, request: HumanRequest) -> Fragment:
        """The row of a question."""
        return Fragment(self.row, {self.variable: request})


@dataclass(frozen=True)
class IdleLane:
    """What people look at when they have time; the inbox has it below "Nobody waits"."""

    key: str
    name: str
    icon: str
    index: str
    needs: str
    open: Number  # how many there are to look at
    draw: Callable[[Reader, Filter, int], Fragment]  # for this person, of so many

    def figures(self) -> dict[str, Any]:
        """How many there are, as the socket tells it."""
        return {self.key: self.open()}


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
