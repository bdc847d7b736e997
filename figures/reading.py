"""Figures of any stretches of time: from the roll-ups, and from the events that came since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from figures import rollups
from figures.counting import Key, Tally, tally
from figures.models import RollUp
from figures.numbers import COLUMNS, Numbers
from figures.slots import covering
from ledger.models import Event

T = TypeVar("T")

LONG = 1_000  # events since the last roll-up; where there are more, they are rolled up first
PATIENCE = 3.0  # seconds for that, while somebody waits for the page
TRIES = 20

Span = tuple[int, int]  # quarters of an hour: from, up to
Figures = dict[Key, Numbers]


@dataclass(frozen=True)
class Wanted:
    """Figures of each of these stretches, which may not overlap, by these dimensions."""

    spans: Sequence[Span]
    patterns: Sequence[str]
    dimensions: Sequence[str] = ("",)
    value: str | None = None  # of the dimension; None: all of them

    def takes(self, key: Key) -> bool:
        """Whether these figures are wanted."""
        pattern, dimension, value = key
        wanted = pattern in self.patterns and dimension in self.dimensions
        return wanted and self.value in (None, value)


@dataclass(frozen=True)
class Read:
    """The answer: for each wanted thing the figures of each of its stretches."""

    figures: list[list[Figures]]
    newest: int  # the last event that is counted in them
    behind: int  # events that are not, because there are too many; 0 nearly always
    rest: Tally = field(default_factory=Tally)


def read(*wanted: Wanted) -> Read:
    """The figures up to this moment. Rolls up first where much has happened since."""
    if rollups.behind(rollups.progress(), Event.objects.newest()) > LONG:
        rollups.catch_up(PATIENCE)
    stored, last = _consistently(lambda: [_stored(each) for each in wanted])
    newest = Event.objects.newest()
    behind = newest - last
    if behind > 2 * rollups.PIECE:
        newest = last
    else:
        behind = 0
        _add_rest(stored, wanted, tally(rollups.rows(last, newest)))
    return Read(stored, newest, behind)


def _consistently(ask: Callable[[], T]) -> tuple[T, int]:
    """What `ask` answers, and the end of the log's roll-up that this belongs to.

    A roll-up is committed together with its end: if that has not moved, nothing has.
    """
    for _ in range(TRIES):
        before = rollups.progress()
        answer = ask()
        after = rollups.progress()
        if (before.last, before.rules) == (after.last, after.rules):
            return answer, before.last
    raise RuntimeError("The figures are being counted anew faster than they can be read.")


def _stored(wanted: Wanted) -> list[Figures]:
    found: list[Figures] = [{} for _ in wanted.spans]
    place: defaultdict[int, dict[int, int]] = defaultdict(dict)  # level, start: which span
    for number, (start, end) in enumerate(wanted.spans):
        for level, first in covering(start, end):
            place[level][first] = number
    for level, starts in place.items():
        for row in _rows(wanted, level, starts):
            figures, key = found[starts[row[0]]], row[1:4]
            numbers = figures.get(key)
            if numbers is None:
                numbers = figures[key] = Numbers()
            numbers.add_stored(row[4:])
    return found


def _rows(wanted: Wanted, level: int, starts: Iterable[int]) -> Iterable[tuple[Any, ...]]:
    rows = RollUp.objects.filter(
        dimension__in=wanted.dimensions,
        level=level,
        start__in=list(starts),
        pattern__in=wanted.patterns,
    )
    if wanted.value is not None:
        rows = rows.filter(value=wanted.value)
    return rows.values_list("start", "pattern", "dimension", "value", *COLUMNS)


def _add_rest(stored: list[list[Figures]], wanted: Sequence[Wanted], rest: Tally) -> None:
    for figures, each in zip(stored, wanted, strict=True):
        for found, (start, end) in zip(figures, each.spans, strict=True):
            for key, numbers in rest.between(start, end):
                if each.takes(key):
                    _add(found, key, numbers)


def _add(found: Figures, key: Key, numbers: Numbers) -> None:
    found.setdefault(key, Numbers()).add(numbers)
