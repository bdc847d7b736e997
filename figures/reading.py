"""Figures of any stretches of time: from the roll-ups, and from the events that came since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from django.db import connection

from figures import rollups
from figures.counting import Key, Tally, tally
from figures.models import Progress, RollUp
from figures.numbers import COLUMNS, Numbers
from figures.slots import Slot, cover
from ledger.models import Event

T = TypeVar("T")

LONG = 1_000  # events since the last roll-up; where there are more, they are rolled up first
PATIENCE = 3.0  # seconds for that, while somebody waits for the page
TRIES = 20
SHOWN = ", ".join(("level", "start", "pattern", "dimension", "value", *COLUMNS))

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
    begun = rollups.progress()
    if rollups.behind(begun, Event.objects.newest()) > LONG:
        rollups.catch_up(PATIENCE)
        begun = rollups.progress()
    stored, last = _read_consistently(lambda: [_read_stored(each) for each in wanted], begun)
    newest = Event.objects.newest()
    behind = newest - last
    if behind > 2 * rollups.PIECE:
        newest = last
    else:
        behind = 0
        _add_rest(stored, wanted, tally(rollups.rows(last, newest)))
    return Read(stored, newest, behind)


def _read_consistently(ask: Callable[[], T], before: Progress) -> tuple[T, int]:
    """What `ask` answers, and the end of the log's roll-up that this belongs to.

    `before`: where that end was just now. A roll-up is committed together with its end: if that
    has not moved, nothing has.
    """
    for _ in range(TRIES):
        answer = ask()
        after = rollups.progress()
        if (before.last, before.rules) == (after.last, after.rules):
            return answer, after.last
        before = after
    raise RuntimeError("The figures are being counted anew faster than they can be read.")


def _read_stored(wanted: Wanted) -> list[Figures]:
    found: list[Figures] = [{} for _ in wanted.spans]
    place: dict[Slot, Figures] = {}  # of which stretch
    for figures, span in zip(found, wanted.spans, strict=True):
        place |= dict.fromkeys(cover(*span), figures)
    for level, start, pattern, dimension, value, *columns in _rows(wanted, place):
        figures, key = place[level, start], (pattern, dimension, value)
        numbers = figures.get(key)
        if numbers is None:
            numbers = figures[key] = Numbers()
        numbers.add_stored(columns)
    return found


def _rows(wanted: Wanted, slots: Iterable[Slot]) -> list[tuple[Any, ...]]:
    """The roll-ups of these slots, in one statement with a part for each width.

    By hand: the ORM takes longer to write such a statement than a database to run it.
    """
    starts: defaultdict[int, list[int]] = defaultdict(list)
    for level, start in slots:
        starts[level].append(start)
    parts, values = [], list[Any]()
    for level, those in starts.items():
        chosen: dict[str, Sequence[Any]] = {
            "dimension": wanted.dimensions,
            "level": [level],
            "start": those,
            "pattern": wanted.patterns,
            "value": [] if wanted.value is None else [wanted.value],
        }
        parts.append(_part([(name, len(each)) for name, each in chosen.items() if each]))
        values += chain.from_iterable(chosen.values())
    if not (parts and wanted.patterns):
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return cursor.fetchall()


def _part(chosen: Iterable[tuple[str, int]]) -> str:
    """The SELECT of roll-ups with one of so many values in each of these columns."""
    each = (f"{name} IN ({', '.join(['%s'] * many)})" for name, many in chosen)
    return f"SELECT {SHOWN} FROM {RollUp._meta.db_table} WHERE {' AND '.join(each)}"  # noqa: S608 (our names)


def _add_rest(stored: list[list[Figures]], wanted: Sequence[Wanted], rest: Tally) -> None:
    for figures, each in zip(stored, wanted, strict=True):
        for found, (start, end) in zip(figures, each.spans, strict=True):
            for key, numbers in rest.select_between(start, end):
                if each.takes(key):
                    _add(found, key, numbers)


def _add(found: Figures, key: Key, numbers: Numbers) -> None:
    found.setdefault(key, Numbers()).add(numbers)
