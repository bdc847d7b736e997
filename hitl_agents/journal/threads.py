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

PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)  # seconds between tries to write what must not be lost


class DatabaseThreads:
    """`await threads(function, …)` runs a sync database function; connections stay open."""

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="hitl-db")

    async def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        context = contextvars.copy_context()
        call = partial(context.run, _call_guarded, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def call_patiently(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The same; but a database that is away is waited for a bit, and asked again.

        For what nobody else knows, and what may be written twice: an error does not say whether
        the commit stood.
        """
        for pause in PAUSES:
            try:
                return await self(function, *args, **kwargs)
            except (OperationalError, InterfaceError):
                await asyncio.sleep(pause)
        return await self(function, *args, **kwargs)

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function that catches its own errors; nobody waits for it. From any thread."""
        self._pool.submit(_call_guarded, function, *args)

    def close(self) -> None:
        """Close every thread's connection, then end the threads."""
        together = threading.Barrier(self._size)

        def close_one() -> None:
            together.wait(timeout=30)  # so that each thread takes exactly one of these
            connection.close()

        for future in [self._pool.submit(close_one) for _ in range(self._size)]:
            future.result()
        self._pool.shutdown()


def _call_guarded(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """A connection that the server has dropped is closed, so that the next call opens one."""
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        if not connection.in_atomic_block:
            connection.close()
        raise
