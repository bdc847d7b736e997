"""Logarithmic histograms: how long things took, in little space, each time at most 2 % off.

A histogram is one whole number with 32 bits for each bucket, so that adding two histograms is
adding two numbers. A bucket ends 4 % above its beginning; its value stands so that both ends
are equally far, which is 1.97 %.
"""

from __future__ import annotations

import math
import struct

RATIO = 1.04
SHORTEST = 0.001  # seconds; what is shorter counts as half of it
BUCKETS = 680  # up to ten years; what is longer counts as that
BITS = 32
_STEP = math.log(RATIO)
_SPARSE, _DENSE = b"s", b"d"


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


def of(seconds: float) -> int:
    """The histogram of one time."""
    return 1 << (BITS * bucket(seconds))


def counts(histogram: int) -> list[int]:
    """How many times there are in each bucket, up to the last that has any."""
    size = -(-histogram.bit_length() // BITS)
    return list(struct.unpack(f"<{size}I", histogram.to_bytes(size * 4, "little")))


def percentile(histogram: int, share: float) -> float | None:
    """The time that at least this share (0…1) of all were not above; None if there are none."""
    found = counts(histogram)
    rank = max(1, math.ceil(share * sum(found)))
    for number, count in enumerate(found):
        rank -= count
        if rank <= 0:
            return value(number)
    return None


def packed(histogram: int) -> bytes:
    """The histogram as bytes: its few buckets, or all of them from the first that has any."""
    found = counts(histogram)
    used = [(number, count) for number, count in enumerate(found) if count]
    if not used:
        return b""
    first = used[0][0]
    if len(used) * 6 < (len(found) - first) * 4:
        return _SPARSE + b"".join(struct.pack("<HI", *pair) for pair in used)
    rest = histogram >> (BITS * first)
    return _DENSE + struct.pack("<H", first) + rest.to_bytes((len(found) - first) * 4, "little")


def unpacked(stored: bytes | memoryview) -> int:
    """The histogram that packed() made bytes of."""
    text = bytes(stored)
    if not text:
        return 0
    if text[:1] == _DENSE:
        (first,) = struct.unpack_from("<H", text, 1)
        return int.from_bytes(text[3:], "little") << (BITS * first)
    pairs = list(struct.iter_unpack("<HI", text[1:]))
    lanes = [0] * (pairs[-1][0] + 1)
    for number, count in pairs:
        lanes[number] = count
    return int.from_bytes(struct.pack(f"<{len(lanes)}I", *lanes), "little")
