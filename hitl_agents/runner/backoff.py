"""Backoff: the pause until what failed is tried again."""

from __future__ import annotations

import time
from collections import Counter

from django.db import InterfaceError, OperationalError

AGAIN = 1.0  # seconds until what the database did not answer is tried again
LONGEST = 60.0  # seconds, at most, until what failed in another way is


class Backoff:
    """For each run: a database that is away is asked steadily, a bug is met less and less often."""

    def __init__(self) -> None:
        self._failures: Counter[int] = Counter()  # in a row
        self._until: dict[int, float] = {}

    def note_failure(self, run_id: int, error: Exception) -> float:
        """It failed: seconds until it is to be tried again."""
        if isinstance(error, OperationalError | InterfaceError):
            return AGAIN
        self._failures[run_id] += 1
        pause: float = min(LONGEST, AGAIN * 2 ** min(self._failures[run_id] - 1, 30))
        self._until[run_id] = time.monotonic() + pause
        return pause

    def rests(self, run_id: int) -> bool:
        """Whether that pause is not over, whatever hints and looks say meanwhile."""
        return time.monotonic() < self._until.get(run_id, 0.0)

    def forget(self, run_id: int) -> None:
        """It went well."""
        self._failures.pop(run_id, None)
        self._until.pop(run_id, None)
