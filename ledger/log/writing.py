"""Whether the log can be written to, for probes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F

from ledger.transitions import LOG_LOCK

log = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds for somebody else's lock; pages wait longer, and most of them in vain then
SELDOM = 5.0  # seconds between two writes, however many ask: a probe is no load


class Writing:
    """That the database takes what is written: not full, not read-only, and held by nobody for long.

    It commits, since nothing less reaches the disk: a row that is always there, as it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0
        self._why = ""

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() >= self._due:
                self._why = self._try()
                self._due = time.monotonic() + SELDOM
            return self._why

    def _try(self) -> str:
        try:
            with _patience(PATIENCE), transaction.atomic():
                _wait_for_the_log()
                rows = MigrationRecorder(connection).migration_qs
                first = rows.order_by("id").values_list("id", flat=True).first()
                rows.filter(id=first).update(name=F("name"))
        except DatabaseError:
            log.exception("The database cannot be written to.")
            return "Nothing can be written: the disk is full, or it is locked or read-only."
        return ""


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Have this connection wait no longer than that for a lock."""
    settings: dict[str, Any] = connection.settings_dict["OPTIONS"]
    short, usual = (
        f"PRAGMA busy_timeout = {ms:.0f}"
        for ms in (seconds * 1000, settings.get("timeout", 5) * 1000)
    )
    if connection.vendor == "postgresql":
        short, usual = f"SET lock_timeout = '{seconds * 1000:.0f}ms'", "RESET lock_timeout"
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(short)
    try:
        yield
    finally:
        if connection.connection is not None:
            with connection.cursor() as cursor:
                cursor.execute(usual)


def _wait_for_the_log() -> None:
    """Whoever appends to the log waits for this; SQLite has one lock for all of it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOG_LOCK])
