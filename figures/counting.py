"""From events to figures. The log alone decides: the same events give the same figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from figures.declared import collect_declared
from figures.numbers import CARE, Numbers
from figures.slots import quarter
from ledger.log.event_kinds import EventKinds
from ledger.models import Event

AT_ONCE = 500  # subjects in one query
WHOLE = 0.99  # of a page: seen to its end
PERSON = "user:"

DIMENSIONS = ("", "agent", "risk", "type", "reviewer", "rule")
Key = tuple[str, str, str]  # pattern, dimension, value; the dimension "" is everything


class Row(NamedTuple):
    """What is needed of an event."""

    id: int
    at: datetime
    kind: str
    subject: str
    actor: str
    data: str


FIELDS = Row._fields


@dataclass
class Origin:
    """How a question came to be, and its first look."""

    at: datetime
    agent: str
    type: str
    risk: str
    first_look: int = 0  # the event's id


class Tally:
    """Figures by quarter of an hour and key."""

    def __init__(self) -> None:
        self.figures: dict[tuple[int, Key], Numbers] = {}

    def get_numbers(self, number: int, key: Key) -> Numbers:
        """The figures of that quarter, to be added to."""
        return self.figures.setdefault((number, key), Numbers())

    def select_between(self, start: int, end: int) -> Iterator[tuple[Key, Numbers]]:
        """The figures of the quarters from `start` up to `end`."""
        return ((key, each) for (at, key), each in self.figures.items() if start <= at < end)


def tally(rows: Sequence[Row]) -> Tally:
    """The figures of these events, which follow each other in the log."""
    found = Tally()
    origins = _origins(rows)
    by_kind = collect_declared().by_kind
    for row in rows:
        kinds = by_kind.get(row.kind)
        if kinds is not None:
            _count(found, row, kinds, origins.get(row.subject))
    return found


def _count(found: Tally, row: Row, kinds: EventKinds, origin: Origin | None) -> None:
    if row.kind in kinds.sums:
        _add_up(found, row, kinds)
    elif row.kind == kinds.read:
        _count_reading(found, row, kinds)
    elif row.kind in kinds.looks:
        if origin is not None and origin.first_look == row.id:
            for numbers in _pick_numbers(found, row, kinds, origin, reviewer=_person(row.actor)):
                numbers.count("looks")
                numbers.time("to_look", _seconds(origin, row))
    else:
        _count_decision(found, row, kinds, origin)


def _count_decision(found: Tally, row: Row, kinds: EventKinds, origin: Origin | None) -> None:
    person, outcome = _person(row.actor), _outcome(row, kinds)
    if not outcome:
        return
    rule = row.actor.partition(":")[2] or row.actor if outcome == "automatic" else ""
    by_person = bool(person) and outcome not in ("cancelled", "automatic", "timed_out")
    reviewer = person if by_person else ""
    for numbers in _pick_numbers(found, row, kinds, origin, reviewer=reviewer, rule=rule):
        numbers.count(outcome)
        if by_person and origin is not None:
            numbers.time("to_decision", _seconds(origin, row))


def _outcome(row: Row, kinds: EventKinds) -> str:
    """The column that counts this decision; "" for one that does not count."""
    if row.kind == kinds.cancelled:
        return "cancelled"
    outcome = kinds.corrected(row.kind, json.loads(row.data), kinds.outcomes[row.kind])
    if row.actor == "deadline" or outcome == "timed_out":
        return "timed_out"
    return outcome if not outcome or _person(row.actor) else "automatic"


def _count_reading(found: Tally, row: Row, kinds: EventKinds) -> None:
    """How long somebody had the page open before deciding, and how much of it was seen."""
    data = json.loads(row.data)
    seconds, characters = float(data["seconds"]), int(data["characters"])
    column = next(name for name, end, _ in CARE if seconds < end)
    for numbers in _pick_numbers(found, row, kinds, None, reviewer=_person(row.actor)):
        numbers.count(column)
        if data["seen"] >= WHOLE:
            numbers.count("read_whole")
        if characters:
            numbers.time("pace", seconds * 1000 / characters)


def _add_up(found: Tally, row: Row, kinds: EventKinds) -> None:
    """Numbers that the event itself says."""
    data = json.loads(row.data)
    said = data.get("figures") or {}
    if not said:
        return
    for numbers in _pick_numbers(found, row, kinds, None, agent=str(data.get("agent", ""))[:200]):
        for column in kinds.sums[row.kind]:
            numbers.count(column, int(said.get(column, 0)))


def _pick_numbers(
    found: Tally, row: Row, kinds: EventKinds, origin: Origin | None, **more: str
) -> Iterator[Numbers]:
    """The figures that an event belongs to: of everything, and of each thing it is about."""
    about: Mapping[str, str] = more
    if origin is not None:
        about = {"agent": origin.agent, "type": origin.type, "risk": origin.risk, **more}
    number = quarter(row.at)
    yield found.get_numbers(number, (kinds.pattern, "", ""))
    for dimension, name in about.items():
        if name:
            yield found.get_numbers(number, (kinds.pattern, dimension, name))


def _person(actor: str) -> str:
    return actor.removeprefix(PERSON) if actor.startswith(PERSON) else ""


def _seconds(origin: Origin, row: Row) -> float:
    return max(0.0, (row.at - origin.at).total_seconds())


# ---- How the questions came to be


def _origins(rows: Sequence[Row]) -> dict[str, Origin]:
    """By subject, for all that these events are about: from the log before them, and from them."""
    found: dict[str, Origin] = {}
    known = collect_declared()
    asked = {row.subject for row in rows if row.kind in known.asked}
    about = {
        row.subject for row in rows if row.kind in known.by_kind and row.kind not in known.sums
    }
    _note(_earlier(sorted(about - asked), rows[0].id if rows else 0), found)
    _note(rows, found)
    return found


def _earlier(subjects: Sequence[str], before: int) -> Iterable[Row]:
    """The events of these subjects before that one. By subject alone: it has few events, and
    SQLite would rather go through all events of a kind."""
    for start in range(0, len(subjects), AT_ONCE):
        events = Event.objects.filter(subject__in=subjects[start : start + AT_ONCE])
        yield from sorted(
            row for row in map(Row._make, events.values_list(*FIELDS)) if row.id < before
        )


def _note(rows: Iterable[Row], found: dict[str, Origin]) -> None:
    asked, looked = collect_declared().asked, collect_declared().looked
    for row in rows:
        if row.kind in asked:
            found[row.subject] = _origin(row, asked[row.kind])
        elif row.kind in looked and row.subject in found:
            known = found[row.subject]
            known.first_look = min(known.first_look or row.id, row.id)


def _origin(row: Row, kinds: EventKinds) -> Origin:
    data: dict[str, Any] = json.loads(row.data)
    return Origin(
        at=row.at,
        agent=row.actor.partition(":")[2],
        type=str(data.get(kinds.type_in, ""))[:200] if kinds.type_in else "",
        risk=str(data.get(kinds.risk_in) or "")[:200] if kinds.risk_in else "",
    )
