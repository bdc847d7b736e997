"""Logarithmic histograms: how long things took, in little space, each time at most 2 % off.

A bucket ends 4 % above its beginning; its value stands so that both ends are equally far, which
is 1.97 %. Few buckets are kept one by one. Many are kept as one whole number with 32 bits for
each, so that adding two histograms is adding two numbers, however many times are in them. They are
stored with as few bytes for each as the fullest takes: a page reads a thousand histograms.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left
from itertools import accumulate

RATIO = 1.04
SHORTEST = 0.001  # seconds; what is shorter counts as half of it
BUCKETS = 680  # up to ten years; what is longer counts as that
BITS = 32
FEW = 32  # buckets; more are stored as one number
_STEP = math.log(RATIO)
_SPARSE = b"s"
_DENSE = {b"1": (1, "B"), b"2": (2, "H"), b"d": (4, "I")}  # bytes for each bucket
_WIDTHS = {kind[0]: width for kind, (width, _) in _DENSE.items()}
_PAIR = struct.Struct("<HI")  # a bucket and how many are in it


def bucket(seconds: float) -> int:
    """The bucket of a time."""
    if seconds < SHORTEST:
        return 0
    return min(BUCKETS - 1, 1 + int(math.log(seconds / SHORTEST) / _STEP))


def value(number: int) -> float:
    """The seconds that a bucket stands for."""
    if number == 0:
        return SHORTEST / 2
    return float(SHORTEST * RATIO ** (number - 1) * 2 * RATIO / (1 + RATIO))


class Times:
    """The histogram of some times."""

    __slots__ = ("_few", "_many", "_sums")

    def __init__(self) -> None:
        self._few: dict[int, int] = {}
        self._many = 0
        self._sums: tuple[int, list[int]] | None = None  # of percentiles, until there are others

    def take(self, seconds: float) -> None:
        """One time more."""
        self._sums = None
        number = bucket(seconds)
        self._few[number] = self._few.get(number, 0) + 1

    def add(self, other: Times) -> None:
        """All times of another one."""
        self._sums = None
        self._many += other._many
        for number, count in other._few.items():
            self._few[number] = self._few.get(number, 0) + count

    def add_packed(self, stored: bytes | memoryview) -> None:
        """All times of one that pack() has made bytes of."""
        if not stored:
            return
        self._sums = None
        width = _WIDTHS.get(stored[0])
        if width:
            first = int.from_bytes(stored[1:3], "little")
            self._many += int.from_bytes(_spread(stored[3:], width), "little") << (BITS * first)
            return
        few = self._few
        for number, count in _PAIR.iter_unpack(stored[1:]):
            few[number] = few.get(number, 0) + count

    @property
    def counts(self) -> dict[int, int]:
        """How many times there are in each bucket that has any, in order."""
        first, lanes = self._lanes()
        return {number: count for number, count in enumerate(lanes, first) if count}

    def pack(self) -> bytes:
        """As few bytes as it takes."""
        first, lanes = self._lanes()
        if not lanes:
            return b""
        if len(lanes) - lanes.count(0) <= FEW:
            return _SPARSE + b"".join(_PAIR.pack(*pair) for pair in self.counts.items())
        most = max(lanes).bit_length()
        kind, letter = next(
            (kind, letter) for kind, (width, letter) in _DENSE.items() if most <= 8 * width
        )
        return kind + struct.pack(f"<H{len(lanes)}{letter}", first, *lanes)

    def percentile(self, share: float) -> float | None:
        """The time that at least this share (0…1) of all were not above; None if there are none."""
        if self._sums is None:
            first, lanes = self._lanes()
            self._sums = first, list(accumulate(lanes))
        first, up_to = self._sums
        if not up_to:
            return None
        rank = max(1, math.ceil(share * up_to[-1]))
        return value(first + bisect_left(up_to, rank))

    def _lanes(self) -> tuple[int, tuple[int, ...]]:
        """The first bucket that has any, and how many are in each from there to the last one."""
        many = self._many
        for number, count in self._few.items():
            many += count << (BITS * number)
        if not many:
            return 0, ()
        first = ((many & -many).bit_length() - 1) // BITS
        many >>= BITS * first
        size = -(-many.bit_length() // BITS)
        return first, struct.unpack(f"<{size}I", many.to_bytes(size * BITS // 8, "little"))


def _spread(lanes: bytes | memoryview, width: int) -> bytes | memoryview | bytearray:
    """Numbers of so many bytes each as numbers of 32 bits."""
    if width == BITS // 8:
        return lanes
    narrow = bytes(lanes)
    wide = bytearray(len(narrow) // width * (BITS // 8))
    for place in range(width):
        wide[place :: BITS // 8] = narrow[place::width]
    return wide
