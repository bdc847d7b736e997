"""Stretches of time as whole quarters of an hour since 1970, and the wider slots made of them.

Every zone's midnight falls on a quarter of an hour, so that days are right everywhere. A long
stretch is put together from few slots: wide ones in its middle, narrow ones at its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

SECONDS = 900
# Quarters: a quarter of an hour, an hour, six, a day, four days, sixteen.
WIDTHS = (1, 4, 24, 96, 384, 1536)

Slot = tuple[int, int]  # level (an index of WIDTHS), the quarter that it begins with


def quarter(at: datetime) -> int:
    """The quarter of an hour that this time falls into."""
    return int(at.timestamp() // SECONDS)


def begins(number: int) -> datetime:
    """When a quarter begins, UTC."""
    return datetime.fromtimestamp(number * SECONDS, UTC)


def list_holding(number: int) -> list[Slot]:
    """The slots of every width that this quarter belongs to."""
    return [(level, number - number % width) for level, width in enumerate(WIDTHS)]


def cover(start: int, end: int) -> Iterator[Slot]:
    """The fewest slots that together are exactly the quarters from `start` up to `end`."""
    yield from _cover(start, end, len(WIDTHS) - 1)


def _cover(start: int, end: int, level: int) -> Iterator[Slot]:
    if start >= end:
        return
    width = WIDTHS[level]
    first, last = -(-start // width) * width, end // width * width
    if first >= last:
        yield from _cover(start, end, level - 1)
        return
    yield from _cover(start, first, level - 1)
    yield from ((level, each) for each in range(first, last, width))
    yield from _cover(last, end, level - 1)
