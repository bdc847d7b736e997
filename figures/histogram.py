"""Logarithmic histograms: how long things took, in little space, each time at most 2 % off.

A bucket ends 4 % above its beginning; its value stands so that both ends are equally far, which
is 1.97 %. Few buckets are kept one by one. Many are kept as one whole number with 32 bits for
each, so that adding two histograms is adding two numbers, however many times are in them.
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
_SPARSE, _DENSE = b"s", b"d"
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

    __slots__ = ("_few", "_known", "_many")

    def __init__(self) -> None:
        self._few: dict[int, int] = {}
        self._many = 0
        self._known: dict[int, int] | None = None  # the counts, until there are others

    def take(self, seconds: float) -> None:
        """One time more."""
        self._known = None
        number = bucket(seconds)
        self._few[number] = self._few.get(number, 0) + 1

    def add(self, other: Times) -> None:
        """All times of another one."""
        self._known = None
        self._many += other._many
        for number, count in other._few.items():
            self._few[number] = self._few.get(number, 0) + count

    def add_packed(self, stored: bytes | memoryview) -> None:
        """All times of one that packed() has made bytes of."""
        if not stored:
            return
        self._known = None
        if stored[0] == _DENSE[0]:
            first = int.from_bytes(stored[1:3], "little")
            self._many += int.from_bytes(stored[3:], "little") << (BITS * first)
            return
        for number, count in _PAIR.iter_unpack(stored[1:]):
            self._few[number] = self._few.get(number, 0) + count

    @property
    def counts(self) -> dict[int, int]:
        """How many times there are in each bucket that has any, in order."""
        if self._known is not None:
            return self._known
        size = -(-self._many.bit_length() // BITS)
        lanes = struct.unpack(f"<{size}I", self._many.to_bytes(size * 4, "little"))
        found = {number: count for number, count in enumerate(lanes) if count}
        for number, count in self._few.items():
            found[number] = found.get(number, 0) + count
        self._known = dict(sorted(found.items()))
        return self._known

    def packed(self) -> bytes:
        """As few bytes as it takes."""
        found = self.counts if self._many else dict(sorted(self._few.items()))
        if not found:
            return b""
        if len(found) <= FEW:
            return _SPARSE + b"".join(_PAIR.pack(*pair) for pair in found.items())
        first, last = next(iter(found)), max(found)
        lanes = [found.get(number, 0) for number in range(first, last + 1)]
        return _DENSE + struct.pack(f"<H{len(lanes)}I", first, *lanes)

    def percentile(self, share: float) -> float | None:
        """The time that at least this share (0…1) of all were not above; None if there are none."""
        found = self.counts
        if not found:
            return None
        up_to = list(accumulate(found.values()))
        rank = max(1, math.ceil(share * up_to[-1]))
        return value(list(found)[bisect_left(up_to, rank)])
