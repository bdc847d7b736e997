"""One follower per process: it sleeps until woken, reads the log after its cursor, tells everyone.

Whoever waits registers first, then looks at the row, then sleeps; so a commit between looking and
sleeping still wakes. The wake is a hint. A slow look twice a second finds what a lost hint hid.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Max

from ledger import wake
from ledger.models import Event

log = logging.getLogger(__name__)
T = TypeVar("T")

SLOW_LOOK = 0.5  # seconds
LOOK_AGAIN = 30.0  # seconds after which a waiter asks the database whatever the log says
BATCH = 1_000

Callback = Callable[[list[Event]], None]


class Follower:
    """A daemon thread that follows the log and calls its subscribers with new events."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ready = threading.Event()
        self._woken_out, self._woken_in = os.pipe()
        os.set_blocking(self._woken_in, False)
        self.cursor = 0
        self._thread = threading.Thread(target=self._run, name="hitl-tail", daemon=True)

    def start(self) -> None:
        """Start following from the log's present end; returns once the end is known."""
        self._thread.start()
        self._ready.wait(timeout=30)

    def stop(self) -> None:
        """End the thread and close its connection."""
        self._stopped.set()
        self.wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def wake(self) -> None:
        """Have the follower look now. Safe from any thread."""
        try:
            os.write(self._woken_in, b"!")
        except BlockingIOError:
            return  # the pipe is full of wakes already

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(events)` in the follower's thread for all later events.

        It must be quick and must not raise. Returns how to stop it.
        """
        with self._lock:
            self._callbacks = [*self._callbacks, callback]

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks = [one for one in self._callbacks if one is not callback]

        return unsubscribe

    # The thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except Exception:
                # The database went away. The cursor stays, so nothing is missed; try again.
                log.exception("The log cannot be followed; trying again in a second.")
                self._stopped.wait(1.0)
            finally:
                connection.close()
        os.close(self._woken_in)
        os.close(self._woken_out)

    def _follow(self) -> None:
        bell = _Bell(self._woken_out)
        stop_listening = wake.listen_here(self.wake)
        try:
            if not self._ready.is_set():
                self.cursor = self._newest()
                self._ready.set()
            while not self._stopped.is_set():
                self._look(hinted=bell.wait(SLOW_LOOK))
        finally:
            stop_listening()
            bell.close()

    def _newest(self) -> int:
        return Event.objects.aggregate(newest=Max("id"))["newest"] or 0

    def _look(self, hinted: bool) -> None:
        """Read what is new. Unhinted, one cheap query tells whether there is anything."""
        if not hinted:
            newest = self._newest()
            if newest < self.cursor:
                log.warning("The log ends before what was read of it; following from its end.")
                self.cursor = newest
            if newest == self.cursor:
                return
        while events := list(Event.objects.after(self.cursor)[:BATCH]):
            self.cursor = events[-1].id
            for callback in self._callbacks:
                try:
                    callback(events)
                except Exception:
                    log.exception("A subscriber of the log failed.")


class _Bell:
    """Waits for this process's pipe and for the other processes' hint, whichever is first."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._inotify = None
        self._postgres = connection.vendor == "postgresql"
        if self._postgres:
            connection.ensure_connection()
            connection.connection.execute(f"LISTEN {wake.CHANNEL}")
        elif (path := wake.bell_path()) is not None:
            self._inotify = _watch(path)

    def wait(self, seconds: float) -> bool:
        """True when woken, False when `seconds` have passed."""
        if self._postgres and self._drain_notifications():
            return True  # one came in while the last look was reading
        other = self._other()
        readable, _, _ = select.select([self._pipe, *other], [], [], seconds)
        if self._pipe in readable:
            os.read(self._pipe, 4096)
        if self._inotify is not None and self._inotify.fileno() in readable:
            self._inotify.read(timeout=0)
        if self._postgres:
            self._drain_notifications()
        return bool(readable)

    def _other(self) -> list[int]:
        if self._postgres:
            return [connection.connection.fileno()]
        return [] if self._inotify is None else [self._inotify.fileno()]

    def _drain_notifications(self) -> bool:
        return len(list(connection.connection.notifies(timeout=0))) > 0  # take all of them

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


_follower: Follower | None = None
_follower_pid = 0
_follower_lock = threading.Lock()


def follower() -> Follower:
    """This process's follower, started on first use (again after a fork)."""
    global _follower, _follower_pid
    with _follower_lock:
        if _follower is None or _follower_pid != os.getpid() or not _follower.alive:
            _follower, _follower_pid = Follower(), os.getpid()
            _follower.start()
            _waiters.attach(_follower)
        return _follower


def stop() -> None:
    """Stop this process's follower; the next use starts one at the log's then end."""
    global _follower
    with _follower_lock:
        if _follower is not None and _follower_pid == os.getpid():
            _follower.stop()
        _follower = None


class _Waiters:
    """Who waits for which subject: an event wakes only those who wait for its subject."""

    def __init__(self) -> None:
        self._by_subject: dict[str, set[Callable[[], None]]] = defaultdict(set)
        self._lock = threading.Lock()

    def attach(self, following: Follower) -> None:
        following.subscribe(self._tell)

    def add(self, subject: str, callback: Callable[[], None]) -> None:
        with self._lock:
            self._by_subject[subject].add(callback)

    def remove(self, subject: str, callback: Callable[[], None]) -> None:
        with self._lock:
            callbacks = self._by_subject[subject]
            callbacks.discard(callback)
            if not callbacks:
                del self._by_subject[subject]

    def _tell(self, events: list[Event]) -> None:
        for subject in {event.subject for event in events}:
            with self._lock:
                callbacks = list(self._by_subject.get(subject, ()))
            for callback in callbacks:
                callback()


_waiters = _Waiters()


async def wait_until(
    ready: Callable[[], T | None], *, subject: str, timeout: float | None = None
) -> T | None:
    """Sleep until `ready()` (called in a thread) returns something other than None; return that.

    It is asked again after each event of `subject`, after 30 s in any case, and once more when
    `timeout` (seconds; None waits for ever) has passed; then the answer may be None.
    """
    await sync_to_async(follower)()
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def callback() -> None:
        loop.call_soon_threadsafe(woken.set)

    ends = None if timeout is None else time.monotonic() + timeout
    _waiters.add(subject, callback)
    try:
        while True:
            woken.clear()
            answer = await sync_to_async(ready)()
            left = LOOK_AGAIN if ends is None else ends - time.monotonic()
            if answer is not None or left <= 0:
                return answer
            try:
                await asyncio.wait_for(woken.wait(), min(left, LOOK_AGAIN))
            except TimeoutError:
                continue
    finally:
        _waiters.remove(subject, callback)
