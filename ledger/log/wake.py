"""The wake: a hint, after a commit, that the log has grown. Reading the log is the truth.

PostgreSQL: one NOTIFY per transaction, which names the questions that were decided, so that a run
can be taken up while the log is still being read. SQLite: a byte written to a bell file that every
process watches; the file is never replaced, since that would deafen its followers.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from django.db import connection, transaction

CHANNEL = "hitl_log"
MOST = 7_900  # characters that one NOTIFY takes


class Decided(NamedTuple):
    """That a run's question is decided, as an event of the log says it, too."""

    event: int
    run: int
    table: str  # where the question stands


_here: set[Callable[[], None]] = set()
_lock = threading.Lock()
_bells: dict[tuple[int, str], int] = {}


def wake_after_commit(decided: Sequence[Decided] = ()) -> None:
    """Wake everybody who follows the log, once this transaction has committed."""
    if connection.vendor == "postgresql":
        said = "\n".join(f"{each.event} {each.run} {each.table}" for each in decided)
        with connection.cursor() as cursor:  # delivered by the server at the commit
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, said if len(said) < MOST else ""])
        return
    # Robust: the commit stands, so a bell that cannot be rung (disk full) is no error of the verb.
    transaction.on_commit(lambda: ring(), robust=True)


def parse_decided(said: str) -> list[Decided]:
    """What wake_after_commit() was told, from the text of its NOTIFY; nothing from another's."""
    found = (re.fullmatch(r"(\d{1,18}) (\d{1,18}) ([a-z_.]+)", line) for line in said.splitlines())
    return [Decided(int(each[1]), int(each[2]), each[3]) for each in found if each]


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
