"""How the time of a reader grows with the length of its text."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

SIZE = 100_000  # characters


def growth(reader: Callable[[str], object], piece: str) -> float:
    """How many times longer a text of twice the length takes, at most, of a few tries."""
    short, long = (piece * (size // len(piece)) for size in (SIZE, 2 * SIZE))
    return min(_time(reader, long) / max(_time(reader, short), 0.002) for _ in range(3))


def _time(reader: Callable[[str], object], text: str) -> float:
    start = process_time()
    reader(text)
    return process_time() - start
