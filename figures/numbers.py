"""The figures of one slot: exact counts, and histograms of times."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from figures.histogram import Times

# How long a page was open before its reader decided: the column, its end in seconds, in words.
CARE: Sequence[tuple[str, float, str]] = (
    ("open_2", 2, "under 2 s"),
    ("open_10", 10, "2 to 10 s"),
    ("open_60", 60, "10 to 60 s"),
    ("open_300", 300, "1 to 5 min"),
    ("open_longer", float("inf"), "longer"),
)
COUNTS = (
    "approved",  # as it was asked
    "changed",  # approved with a change by the person who decided
    "rejected",
    "revision",
    "answered",
    "dismissed",
    "timed_out",
    "cancelled",
    "automatic",  # decided by a rule or a program
    "looks",  # first looks of people who may decide
    *(name for name, _, _ in CARE),
    "read_whole",  # decided after the page was seen to its end
    "plans_accepted",  # for the first time
    "rounds",  # of these plans until then
    "steps",  # of these plans then
    "steps_edited",  # added or changed by people
    "plans_ended",
    "waited_ms",  # of these plans for people, milliseconds
    "worked_ms",
)
TIMES = ("to_look", "to_decision", "pace")  # pace: seconds for 1,000 characters
COLUMNS = (*COUNTS, *TIMES)
BY_PEOPLE = ("approved", "changed", "rejected", "revision", "answered", "dismissed")
_AT = {name: place for place, name in enumerate(COUNTS)}
_MANY = len(COUNTS)


class Numbers:
    """Counts and times by their names; add() puts two of them together."""

    __slots__ = ("_counts", "_times")

    def __init__(self) -> None:
        self._counts = [0] * _MANY
        self._times: dict[str, Times] = {}

    def count(self, name: str, by: int = 1) -> None:
        self._counts[_AT[name]] += by

    def time(self, name: str, seconds: float) -> None:
        self._get_times(name).take(seconds)

    def add(self, other: Numbers) -> None:
        self._counts = list(map(operator.add, self._counts, other._counts))
        for name, times in other._times.items():
            self._get_times(name).add(times)

    def add_stored(self, row: Sequence[Any]) -> None:
        """The columns of a roll-up, in the order of COLUMNS."""
        self._counts = list(map(operator.add, self._counts, row))  # the times stand after them
        for name, stored in zip(TIMES, row[_MANY:], strict=True):
            if stored:
                self._get_times(name).add_packed(stored)

    def columns(self) -> list[Any]:
        """As a roll-up stores them, in the order of COLUMNS."""
        times = (self._times.get(name) for name in TIMES)
        return [*self._counts, *(each.pack() if each else b"" for each in times)]

    def _get_times(self, name: str) -> Times:
        found = self._times.get(name)
        if found is None:
            found = self._times[name] = Times()
        return found

    def __getitem__(self, name: str) -> int:
        return self._counts[_AT[name]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self.columns() == other.columns()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def percentile(self, name: str, share: float) -> float | None:
        """Seconds, at most 2 % off; None if nothing was timed."""
        times = self._times.get(name)
        return None if times is None else times.percentile(share)

    @property
    def by_people(self) -> int:
        """What people decided."""
        return sum(self[name] for name in BY_PEOPLE)

    @property
    def decided(self) -> int:
        """What people decided or let run out."""
        return self.by_people + self["timed_out"]

    @property
    def judged(self) -> int:
        """What could have been a yes."""
        return self.yes + self["rejected"] + self["revision"] + self["timed_out"]

    @property
    def yes(self) -> int:
        """Approved, with or without a change."""
        return self["approved"] + self["changed"]

    @property
    def readings(self) -> int:
        """Decisions of which it is known how long the page was open."""
        return sum(self[name] for name, _, _ in CARE)
