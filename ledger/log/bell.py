"""The bell that wakes a follower when its own process or another one has made the log grow."""

from __future__ import annotations

import os
import select

from django.db import connection

from ledger.log import wake


class Bell:
    """Waits for this process's pipe and for the other processes' hint, whichever is first."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._inotify = None
        self._postgres = connection.vendor == "postgresql"
        self._decided: list[wake.Decided] = []
        if self._postgres:
            connection.ensure_connection()
            connection.connection.execute(f"LISTEN {wake.CHANNEL}")
        elif (path := wake.bell_path()) is not None:
            self._inotify = _watch(path)

    @property
    def hears_all(self) -> bool:
        """Whether every process's hint comes in here, this one's included."""
        return self._postgres or self._inotify is not None

    def wait(self, seconds: float) -> bool:
        """True when woken, False when `seconds` have passed."""
        if self._postgres and self._drain_notifications():
            return True  # one came in while the last look was reading
        # Not select(): it takes no file numbered 1024 or above, and a web process has many sockets.
        poller = select.poll()
        for number in (self._pipe, *self._list_sources()):
            poller.register(number, select.POLLIN)
        readable = {number for number, _ in poller.poll(seconds * 1000)}
        if self._pipe in readable:
            os.read(self._pipe, 4096)
        if self._inotify is not None and self._inotify.fileno() in readable:
            self._inotify.read(timeout=0)
        if self._postgres:
            self._drain_notifications()
        return bool(readable)

    def _list_sources(self) -> list[int]:
        if self._postgres:
            return [connection.connection.fileno()]
        return [] if self._inotify is None else [self._inotify.fileno()]

    def _drain_notifications(self) -> bool:
        found = list(connection.connection.notifies(timeout=0))  # take all of them
        for each in found:
            self._decided += wake.parse_decided(each.payload)
        return len(found) > 0

    def take_decided(self) -> list[wake.Decided]:
        """What the hints since the last call say was decided: on PostgreSQL alone they say it."""
        found, self._decided = self._decided, []
        return found

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()


def _watch(path):  # type: ignore[no-untyped-def]  # INotify exists on Linux only
    """An inotify watch on the bell, or None where there is no inotify: the slow look remains."""
    try:
        from inotify_simple import INotify, flags
    except ImportError:
        return None
    path.touch()
    watcher = INotify()
    watcher.add_watch(path, flags.MODIFY)
    return watcher
