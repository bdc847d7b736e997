"""Reads the whole log and computes its chain again: what was changed after the commit shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max

from ledger.models import Event
from ledger.transitions import GENESIS, chained_fields

BATCH = 10_000  # events
LOWEST = -(2**63)  # below every id: an event put in before the first one is found too

# The time as the chain has it. Text comes faster than values that would become text again.
_AT = {
    "postgresql": """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'""",
    "sqlite": "replace(at, ' ', 'T') ||"
    " CASE length(at) WHEN 19 THEN '.000000+00:00' ELSE '+00:00' END",
}


@dataclass(frozen=True)
class Head:
    """An event by its id and hash; kept elsewhere, it shows when the log was cut or rewritten."""

    id: int
    hash: str

    def __str__(self) -> str:
        return f"{self.id} {self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head in "ID HASH", or ValueError."""
        number, hashed = text.split()
        if len(hashed) != len(GENESIS) or not set(hashed) <= set("0123456789abcdef"):
            raise ValueError(f"{hashed!r} is no hash")
        return cls(int(number), hashed)


@dataclass(frozen=True)
class Report:
    """How far the log holds (`head`), and what is wrong after that (None: it holds to its end)."""

    head: Head
    broken: str | None = None


def verify(
    *, expect: Head | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Check that ids have no gap and every hash follows from the event and the hash before it.

    `expect` is a head of earlier: it must still be part of the log. `progress(done, last)` is
    called now and then with the number of events read and the id at which the log ended.
    """
    head = Head(0, GENESIS)
    last = Event.objects.aggregate(last=Max("id"))["last"] or 0
    for rows in _batches():
        for number, *fields, stored in rows:
            wrong = _wrong(head, number, fields, stored, expect)
            if wrong is not None:
                return Report(head, wrong)
            head = Head(number, stored)
        if progress is not None:
            progress(head.id, last)
    if expect is not None and head.id < expect.id:
        return Report(head, f"The log ends at event {head.id}; it once had event {expect.id}.")
    return Report(head)


def _wrong(head: Head, number: int, fields: Any, stored: Any, expect: Head | None) -> str | None:
    """What is wrong with the event after `head`, as a sentence that names it; None if nothing."""
    if number != head.id + 1:
        if number < 1:
            return f"Event {number} does not belong here: the log begins with event 1."
        return f"Event {head.id + 1} is missing: after {head.id} comes {number}."
    try:
        holds = stored == chained_fields(head.hash, number, *fields)
    except TypeError:  # SQLite stores anything in any column
        holds = False
    if not holds:
        return f"Event {number} is not what was written: its hash does not follow from it."
    if expect is not None and expect.id == number and expect.hash != stored:
        return f"Event {number} is not the one of earlier: the log was written anew."
    return None


def _batches() -> Iterator[list[tuple[Any, ...]]]:
    """The log's columns in order, in batches: neither one long transaction nor much memory."""
    query = (
        f"SELECT id, {_AT[connection.vendor]}, kind, subject, actor, run_id, data, hash"
        " FROM ledger_event WHERE id > %s ORDER BY id LIMIT %s"
    )
    after = LOWEST
    with connection.cursor() as cursor:
        while True:
            cursor.execute(query, [after, BATCH])
            rows = cursor.fetchall()
            if not rows:
                return
            yield rows
            after = rows[-1][0]
