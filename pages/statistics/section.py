"""Figures as tiles and tables: what the statistics page shows, charts are drawn from, files hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

Cell = str | int | float | None
UNITS = {"hour": "From", "day": "Day", "week": "Week from", "month": "Month"}


@dataclass(frozen=True)
class Tile:
    """One figure and a line against the time before."""

    name: str
    figure: str
    line: str = ""


@dataclass(frozen=True)
class Column:
    """`kind`: how a cell is written: text, count, mean, share (0…1), minutes or took (seconds)."""

    name: str
    title: str
    kind: str = "count"
    hue: str = ""  # of its bars, where the table has a chart


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the first column names the row."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    chart: str = ""  # bars, lines, care, reliability
    links: str = ""  # the dimension that its rows can be narrowed to
    notes: Sequence[str] = field(default=())
    more: tuple[str, str] = ("", "")  # an address where there is more about it, and its words

    @property
    def filled(self) -> bool:
        """Whether there is anything in it; a chart of nothing says nothing."""
        return any(any(row[1:]) for row in self.rows)


class Counts(Protocol):
    """Counts by their names, as `figures/` keeps them."""

    def __getitem__(self, name: str, /) -> int: ...


@dataclass(frozen=True)
class Stretch:
    """The time of which somebody asks for figures, what they narrow to, and what was counted."""

    start: datetime
    end: datetime
    unit: str  # what a step is: hour, day, week or month
    steps: Mapping[str, Counts]  # by the label of the step
    now: Counts  # of the whole stretch
    before: Counts  # of the time before it
    by_agent: Mapping[str, Counts]
    dimension: str  # agent, type, risk, rule or reviewer; "": everything
    value: str


@dataclass(frozen=True)
class Section:
    """What one pattern adds to the page: figures that only it has."""

    tiles: Sequence[Tile] = ()
    charts: Sequence[Table] = ()
    tables: Sequence[Table] = ()


def share(part: int, whole: int) -> float | None:
    """The part of the whole, 0…1; None of nothing."""
    return part / whole if whole else None
