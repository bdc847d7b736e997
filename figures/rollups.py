"""Keeps the roll-ups up: the log in the order of its ids, a piece at a time, each piece once.

Several runners and the page may do it at once. A piece is counted first, which changes nothing;
then its figures and the new end are committed together, if nobody else has moved the end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from figures.counting import DIMENSIONS, FIELDS, Row, Tally, tally
from figures.declared import RULES
from figures.models import Progress, RollUp
from figures.numbers import COLUMNS, Numbers
from figures.slots import Slot, list_holding
from ledger.models import Event
from ledger.statements import prepared
from ledger.statements.prepared import Rows, Values

log = logging.getLogger(__name__)

PIECE = 1_000  # events
KEY = ("dimension", "level", "start", "pattern", "value")
Place = tuple[str, int, int, str, str]


def progress() -> Progress:
    """How far the log is counted, and under which rules."""
    if found := _progress():
        return found[0]
    made, _ = Progress.objects.get_or_create(pk=1, defaults={"rules": RULES})
    return made


_progress = Rows(lambda: Progress.objects.filter(pk=1))


def behind(begun: Progress, newest: int) -> int:
    """How many events are not counted yet."""
    if begun.rules != RULES or begun.last > newest:
        return newest
    return newest - begun.last


def rows(after: int, until: int) -> list[Row]:
    """The log's events after one id up to another."""
    return list(map(Row._make, _events(after=after, until=until)))


# By id alone: SQLite would rather go through all events of a kind.
_events = Values(
    lambda: (
        Event.objects.filter(
            id__gt=prepared.slot(Event, "id", "after"), id__lte=prepared.slot(Event, "id", "until")
        )
        .order_by("id")
        .values_list(*FIELDS)
    )
)


def roll_up(piece: int = PIECE) -> bool:
    """Count the next piece of the log; whether there may be more. Again does no harm."""
    begun, newest = progress(), Event.objects.newest()
    if begun.rules > RULES:
        return False  # a newer version of this program counts; this one only reads
    if begun.rules < RULES or begun.last > newest:
        _begin_anew(begun)
        return True
    if begun.last == newest:
        return False
    end = min(newest, begun.last + piece)
    found = tally(rows(begun.last, end))
    with transaction.atomic():
        unmoved = Progress.objects.filter(pk=begun.pk, last=begun.last, rules=begun.rules)
        if unmoved.update(last=end):
            _add(found)
    return True


def catch_up(seconds: float) -> bool:
    """Count until the log's end, or for about so long; whether the end was reached."""
    ends = time.monotonic() + seconds
    while roll_up():
        if time.monotonic() > ends:
            return False
    return True


def _begin_anew(begun: Progress) -> None:
    """Throw everything away: it was counted by other rules, or of a log that is not there."""
    log.warning("The figures are counted anew, from the beginning of the log.")
    with transaction.atomic():
        unmoved = Progress.objects.filter(pk=begun.pk, last=begun.last, rules=begun.rules)
        if unmoved.update(last=0, rules=RULES):
            RollUp.objects.all().delete()


def _add(found: Tally) -> None:
    """Add these figures to the slots of every width. Inside the transaction that moves the end."""
    figures = _sum_by_place(found)
    for row in _read_stored({(level, start) for _, level, start, _, _ in figures}):
        numbers = figures.get(row[: len(KEY)])
        if numbers is not None:
            numbers.add_stored(row[len(KEY) :])
    rows = [(*place, *numbers.columns()) for place, numbers in figures.items()]
    if rows:
        _put(rows)


def _put(rows: list[tuple[Any, ...]]) -> None:
    """Put these rows in place. By hand: the ORM takes twenty times as long for a row.

    On PostgreSQL as one array for each column: psycopg takes long to fill in many values.
    """
    columns = (*KEY, *COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = (RollUp._meta.get_field(name).db_type(connection) for name in columns)
            arrays = ", ".join(f"%s::{kind}[]" for kind in types)
            values = f"SELECT * FROM unnest({arrays})"  # noqa: S608 (our names)
            cursor.execute(_upsert(columns, values), _transpose(rows))
        else:
            values = f"VALUES ({', '.join(['%s'] * len(columns))})"
            cursor.executemany(_upsert(columns, values), rows)


def _transpose(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _upsert(columns: Sequence[str], values: str) -> str:
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    return (
        f"INSERT INTO {RollUp._meta.db_table} ({', '.join(columns)}) {values}"
        f" ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changes}"
    )


def _sum_by_place(found: Tally) -> dict[Place, Numbers]:
    figures: dict[Place, Numbers] = {}
    for (quarter, (pattern, dimension, value)), numbers in found.figures.items():
        for level, start in list_holding(quarter):
            place = (dimension, level, start, pattern, value)
            figures.setdefault(place, Numbers()).add(numbers)
    return figures


def _read_stored(slots: Iterable[Slot]) -> Iterable[tuple[Any, ...]]:
    """What is in these slots."""
    starts: dict[int, list[int]] = {}
    for level, start in slots:
        starts.setdefault(level, []).append(start)
    for level, those in starts.items():
        # By its dimension too, with which the index begins.
        rows = RollUp.objects.filter(dimension__in=DIMENSIONS, level=level, start__in=those)
        yield from rows.values_list(*KEY, *COLUMNS)
