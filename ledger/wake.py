"""The wake: a hint, after a commit, that the log has grown. Reading the log is the truth.

PostgreSQL: one NOTIFY without payload per transaction. SQLite: a byte written to a bell file that
every process watches; the file is never replaced, since that would deafen its followers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from django.db import connection, transaction

CHANNEL = "hitl_log"

_here: set[Callable[[], None]] = set()
_lock = threading.Lock()
_bells: dict[tuple[int, str], int] = {}


def after_commit() -> None:
    """Wake everybody who follows the log, once this transaction has committed."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")  # delivered by the server at the commit
        return
    # Robust: the commit stands, so a bell that cannot be rung (disk full) is no error of the verb.
    transaction.on_commit(lambda: ring(), robust=True)


def ring() -> None:
    """Tell this process directly and the others by the bell."""
    with _lock:
        listeners = list(_here)
    for listener in listeners:
        listener()
    path = bell_path()
    if path is not None:
        os.pwrite(_bell(path), b"!", 0)


def listen_here(callback: Callable[[], None]) -> Callable[[], None]:
    """Call `callback` after each commit of this process; returns how to stop that."""
    with _lock:
        _here.add(callback)

    def stop() -> None:
        with _lock:
            _here.discard(callback)

    return stop


def _forget() -> None:
    """After a fork: nobody follows in the child yet, and a lock that was held then stays held."""
    global _lock
    _lock = threading.Lock()
    _here.clear()


os.register_at_fork(after_in_child=_forget)


def bell_path() -> Path | None:
    """The file beside the SQLite database, or None for one in memory."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or name.startswith("file:"):
        return None
    return Path(f"{name}.bell")


def _bell(path: Path) -> int:
    """An open descriptor for the bell, one per process and file (a fork opens its own)."""
    key = (os.getpid(), str(path))
    with _lock:
        if key not in _bells:
            _bells[key] = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        return _bells[key]
