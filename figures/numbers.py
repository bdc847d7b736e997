"""The figures of one slot: exact counts, and histograms of times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from figures import histogram

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
)
TIMES = ("to_look", "to_decision", "pace")  # pace: seconds for 1,000 characters
COLUMNS = (*COUNTS, *TIMES)
_AT = {name: place for place, name in enumerate(COLUMNS)}
BY_PEOPLE = ("approved", "changed", "rejected", "revision", "answered", "dismissed")


class Numbers:
    """Counts and histograms by their names; add() puts two of them together."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._values = list(values) or [0] * len(COLUMNS)

    @classmethod
    def stored(cls, row: Sequence[Any]) -> Numbers:
        """From the columns of a roll-up, in the order of COLUMNS."""
        times = (histogram.unpacked(text) for text in row[len(COUNTS) :])
        return cls([*row[: len(COUNTS)], *times])

    def columns(self) -> dict[str, Any]:
        """As a roll-up stores them."""
        named = dict(zip(COLUMNS, self._values, strict=True))
        return named | {name: histogram.packed(named[name]) for name in TIMES}

    def count(self, name: str) -> None:
        self._values[_AT[name]] += 1

    def time(self, name: str, seconds: float) -> None:
        self._values[_AT[name]] += histogram.of(seconds)

    def add(self, other: Numbers) -> None:
        self._values = [one + more for one, more in zip(self._values, other._values, strict=True)]

    def __getitem__(self, name: str) -> int:
        return self._values[_AT[name]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # it changes

    def percentile(self, name: str, share: float) -> float | None:
        """Seconds, at most 2 % off; None if nothing was timed."""
        return histogram.percentile(self[name], share)

    @property
    def by_people(self) -> int:
        """What people decided."""
        return sum(self[name] for name in BY_PEOPLE)

    @property
    def decided(self) -> int:
        """What people decided or let run out."""
        return self.by_people + self["timed_out"]

    @property
    def yes(self) -> int:
        """Approved, with or without a change."""
        return self["approved"] + self["changed"]

    @property
    def readings(self) -> int:
        """Decisions of which it is known how long the page was open."""
        return sum(self[name] for name, _, _ in CARE)
