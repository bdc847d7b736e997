"""The database's clock: deadlines and leases are compared where the rows are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone


class DbNow(Func):
    """The time now by the database, also inside a transaction that has lasted long.

    Not `Now()`: PostgreSQL's statement time stands still while a statement waits for a lock.
    SQLite keeps times as text; its milliseconds sort correctly against our microseconds. It is
    given the next whole one: a deadline may count up to a millisecond early there, never late.
    """

    template = "clock_timestamp()"
    arity = 0
    output_field = DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'now', '+0.001 seconds')"
        return self.as_sql(compiler, connection, template=template, **extra)


ONE_CLOCK = timedelta(seconds=0.5)  # a smaller difference is the way to the server and back
_ahead = timedelta(0)  # how far the database's clock was ahead when it was last asked


def now() -> datetime:
    """The time by the database's clock, aware, UTC. On SQLite that is this machine's clock."""
    global _ahead
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    ahead = row[0] - timezone.now()
    _ahead = ahead if abs(ahead) > ONE_CLOCK else timedelta(0)
    return row[0]


def read_local_clock() -> datetime:
    """The time for showing, without a query: never decide anything by it."""
    return timezone.now() + _ahead


def compute_end(seconds: float) -> datetime:
    """`seconds` from now by the database's clock."""
    return now() + timedelta(seconds=seconds)
