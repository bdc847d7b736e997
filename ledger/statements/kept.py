"""Cursors whose statements PostgreSQL keeps planned.

Django binds the values itself and sends text, which the server reads and plans anew each time; for
a read by a key that takes longer than the read. A statement that a change of its columns' types
has made invalid fails once: the rollback after it, or the new connection, forgets all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection

ONLY_WHEN_TOLD = 2**31  # uses after which psycopg would keep a statement by itself


def cursor() -> Any:
    """A cursor as connection.cursor() makes it, which on PostgreSQL has its statements kept."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    server: Any = connection.connection
    server.prepare_threshold = ONLY_WHEN_TOLD  # Django's None means never
    usual, server.cursor_factory = server.cursor_factory, _keeping()
    try:
        return connection.cursor()
    finally:
        server.cursor_factory = usual


@cache
def _keeping() -> Any:
    import psycopg  # here: SQLite needs none of it

    class Keeping(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            return super().execute(query, params, **{**more, "prepare": True})

    return Keeping
