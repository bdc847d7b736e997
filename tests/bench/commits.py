"""When a process's transactions were committed: the moment from which latency counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def noted() -> list[int]:
    """A list to which each later commit adds its time, in nanoseconds of CLOCK_MONOTONIC.

    The time is taken as soon as the database says that it is done: before the bell is rung, and
    before the verb returns.
    """
    times: list[int] = []
    commit: Callable[..., Any] = vars(BaseDatabaseWrapper)["_commit"]

    def noting(self: BaseDatabaseWrapper) -> None:
        commit(self)
        times.append(time.monotonic_ns())

    setattr(BaseDatabaseWrapper, "_commit", noting)  # noqa: B010  (its types do not know it)
    return times
