"""A few threads, each with a database connection of its own, for code that lives in a loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")


class DatabaseThreads:
    """`await threads(function, …)` runs a sync database function; connections stay open."""

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="hitl-db")

    async def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        context = contextvars.copy_context()
        call = partial(context.run, _guarded, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function that catches its own errors; nobody waits for it. From any thread."""
        self._pool.submit(_guarded, function, *args)

    def close(self) -> None:
        """Close every thread's connection, then end the threads."""
        together = threading.Barrier(self._size)

        def close_one() -> None:
            together.wait(timeout=30)  # so that each thread takes exactly one of these
            connection.close()

        for future in [self._pool.submit(close_one) for _ in range(self._size)]:
            future.result()
        self._pool.shutdown()


def _guarded(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """A connection that the server has dropped is closed, so that the next call opens one."""
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        if not connection.in_atomic_block:
            connection.close()
        raise
