"""How long pages take on the server beside millions of decided rows, and how much that grows.

A machine's speed may change from one minute to the next, and making the rows takes minutes. For
the growth the smallest place is measured once more, in turn with each larger one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.bench.places import Child, installed

if TYPE_CHECKING:  # the process that measures has no Django
    from figures.counting import Tally

PAGES = {
    "statistics, 7 days": "/statistics/",
    "statistics, 90 days": "/statistics/?range=90d",
    "statistics, one agent": "/statistics/?range=30d&agent=agent-3",
    "inbox, first page": "/",
}
WANTED = {"inbox, first page": "< 50"}
REPEATED = 30
IN_TURN = 60
WARM_UP = 3
GROWTH = 1.5
AT_ONCE = 8  # days
FEW = 30_000  # events


@dataclass(frozen=True)
class Sized:
    """What was measured beside so many rows."""

    rows: int
    counted: float  # events a second that a runner counts into the figures
    pages: dict[str, float]  # median, ms
    growth: dict[str, float] = field(default_factory=dict)  # times what the smallest takes


def measure(kind: str, sizes: tuple[int, ...], say: Callable[[str], None]) -> list[Sized]:
    """The same pages beside ever more rows, each time on a fresh database."""
    with _filled(kind, sizes[0], say) as (smallest, counted):
        found = [Sized(sizes[0], counted, smallest("pages"))]
        for rows in sizes[1:]:
            with _filled(kind, rows, say) as (child, counted):
                pages = child("pages")
                found.append(Sized(rows, counted, pages, _growth(smallest, child)))
    return found


@contextmanager
def _filled(kind: str, rows: int, say: Callable[[str], None]) -> Iterator[tuple[Child, float]]:
    """A process beside so many decided rows, and the events a second that it counted."""
    with installed(kind) as place:
        child = Child(place, "scale")
        began = time.monotonic()
        made = child("make", rows)
        say(f"{kind}: {rows:,} decided rows made in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        counted = child("count", *made)
        say(f"{kind}: counted in {time.monotonic() - began:.0f} s")
        yield child, counted
        child.stop()


def _growth(small: Child, large: Child) -> dict[str, float]:
    """How many times as long each page takes in the large place, the two asked in turn."""
    growth = {}
    for name, address in PAGES.items():
        pairs = [(small("page", address), large("page", address)) for _ in range(IN_TURN)]
        ours, its = (statistics.median(took) for took in zip(*pairs, strict=True))
        growth[name] = its / ours
    return growth


def lines(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Lines of the table: each page at each size, and how much the largest takes of the smallest."""
    by_kind = {kind: figures["scale"] for kind, figures in found.items() if "scale" in figures}
    if not by_kind:
        return []
    sizes = [sized.rows for sized in next(iter(by_kind.values()))]
    made = []
    for page in PAGES:
        for at, rows in enumerate(sizes):
            cells = [f"{sized[at].pages[page]:.1f}" for sized in by_kind.values()]
            made.append([f"{page}, {rows:,} decided, ms", WANTED.get(page, "< 150"), *cells])
        grown = [sized[-1].growth[page] for sized in by_kind.values()]
        made.append([f"{page}, growth", f"≤ {GROWTH}", *(f"{each:.2f}" for each in grown)])
    counted = [f"{sized[-1].counted:,.0f}" for sized in by_kind.values()]
    return [*made, ["counted into the figures, events a second", "", *counted]]


# ---- In the measured process


def count(before: int, daily: int, days: int) -> float:
    """Count the log's `days` of `daily` events after that one; events a second, as a runner does it.

    The first day is counted as it is. Those after it are like it (tests/bench/rows.py), so that
    its figures are added for each; with few rows it is made sure that this is what counting finds.
    """
    from figures import counting, rollups

    while rollups.progress().last < before:
        rollups.roll_up(before - rollups.progress().last)
    began, end = time.monotonic(), before + daily
    while rollups.progress().last < end:
        rollups.roll_up(min(rollups.PIECE, end - rollups.progress().last))
    took = time.monotonic() - began
    first = counting.tally(rollups.rows(before, end))
    for day in range(1, days, AT_ONCE):
        those = range(day, min(day + AT_ONCE, days))
        _count_like(first, those, before + daily * those.stop)
    rollups.catch_up(float("inf"))
    if daily * days < FEW:
        _check()
    _vacuum()
    return daily / took


def _vacuum() -> None:
    """What autovacuum would have done meanwhile: without statistics PostgreSQL reads all slots."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE figures_rollup")


def _count_like(first: Tally, days: range, last: int) -> None:
    from django.db import transaction

    from figures import counting, rollups
    from figures.models import Progress

    found = counting.Tally()
    for day in days:
        for (quarter, key), numbers in first.figures.items():
            found.get_numbers(quarter + day * 96, key).add(numbers)
    with transaction.atomic():
        Progress.objects.update(last=last)
        rollups._add(found)


def _check() -> None:
    """What was counted is what counting all of the log finds."""
    from figures import rollups
    from figures.models import Progress, RollUp
    from figures.numbers import COLUMNS

    def stored() -> set[tuple[Any, ...]]:
        return set(RollUp.objects.values_list(*rollups.KEY, *COLUMNS))

    found = stored()
    Progress.objects.update(rules=0)
    rollups.catch_up(float("inf"))
    if stored() != found:
        raise RuntimeError("The rows were not counted as they are.")


def pages() -> dict[str, float]:
    """Milliseconds, median, of each page through all middleware, for somebody signed in."""
    return {name: _median(address) for name, address in PAGES.items()}


def _median(address: str) -> float:
    took = [page(address) for _ in range(WARM_UP + REPEATED)]
    return statistics.median(took[WARM_UP:])


def page(address: str) -> float:
    """Milliseconds of that page, once."""
    began = time.perf_counter()
    response = _client().get(address, headers={"host": "localhost"})
    took = (time.perf_counter() - began) * 1000
    if response.status_code != 200:
        raise RuntimeError(f"{address} answered {response.status_code}.")
    return took


@cache
def _client() -> Any:
    from django.test import Client

    from tests.support import people

    client = Client()
    client.force_login(people.person("reviewer-0"))
    return client
