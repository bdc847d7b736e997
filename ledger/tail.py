"""One follower per process: it sleeps until woken, reads the log after its cursor, tells everyone.

Whoever waits registers first, then looks at the row, then sleeps; so a commit between looking and
sleeping still wakes. The wake is a hint. A slow look twice a second finds what a lost hint hid.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

from ledger.log import waiters, wake
from ledger.log.bell import Bell
from ledger.models import Event
from ledger.statements.prepared import Rows, slot

log = logging.getLogger(__name__)
T = TypeVar("T")

SLOW_LOOK = 0.5  # seconds
RETRY = 1.0  # seconds between two tries to reach a database that is away
LOOK_AGAIN = 30.0  # seconds after which a waiter asks the database whatever the log says
BATCH = 1_000

Callback = Callable[[list[Event]], None]
Early = Callable[[wake.Decided], None]


class Follower:
    """A daemon thread that follows the log and calls its subscribers with new events."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._early: list[Early] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ready = threading.Event()
        self._pipe_lock = threading.Lock()
        self._pipe_open = True
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
        """Have the follower look now. Safe from any thread, also after the follower has ended."""
        with self._pipe_lock:
            if not self._pipe_open:
                return  # by now the number may be somebody else's file
            try:
                os.write(self._woken_in, b"!")
            except BlockingIOError:
                return  # the pipe is full of wakes already

    def subscribe(self, callback: Callback, early: Early | None = None) -> Callable[[], None]:
        """Call `callback(events)` in the follower's thread for all later events.

        `early(decided)` is called before that, without a look at the log, for each decision that
        a hint names; not for all. Both must be quick and must not raise. Returns how to stop them.
        """
        with self._lock:
            self._callbacks = [*self._callbacks, callback]
            self._early = [*self._early, *([early] if early else [])]

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks = [one for one in self._callbacks if one is not callback]
                self._early = [one for one in self._early if one is not early]

        return unsubscribe

    # The thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except Exception:
                # The database went away. The cursor stays, so nothing is missed; try again.
                log.exception("The log cannot be followed; trying again soon.")
                self._stopped.wait(RETRY)
            finally:
                connection.close()
        with self._pipe_lock:
            self._pipe_open = False
            os.close(self._woken_in)
            os.close(self._woken_out)

    def _follow(self) -> None:
        bell = Bell(self._woken_out)
        # One hint for each commit: whoever hears the bell file hears this process ring it, too.
        stop_listening = (lambda: None) if bell.hears_all else wake.listen_here(self.wake)
        try:
            if not self._ready.is_set():
                self.cursor = Event.objects.newest()
                self._ready.set()
                waiters.tell_all()  # those who looked before the cursor stood
            hinted = True  # whatever came while nobody listened
            while not self._stopped.is_set():
                self._look(hinted)
                hinted = bell.wait(SLOW_LOOK)
                for decided in bell.take_decided():
                    if decided.event > self.cursor:
                        self._tell(self._early, decided)
        finally:
            stop_listening()
            bell.close()

    def _look(self, hinted: bool) -> None:
        """Read what is new. Unhinted, one cheap query tells whether there is anything."""
        if hinted and self._read():
            return
        newest = Event.objects.newest()
        if newest < self.cursor:
            log.warning("The log ends before what was read of it; following from its end.")
            self.cursor = newest
            waiters.tell_all()  # what is new since is not told one by one
        elif newest > self.cursor:
            self._read()

    def _read(self) -> bool:
        """Tell the subscribers what comes after the cursor; whether there was anything."""
        found = False
        while events := _select_after(BATCH)(id=self.cursor):
            found = True
            self.cursor = events[-1].id
            self._tell(self._callbacks, events)
            if len(events) < BATCH:
                break  # what is committed from now on wakes again
        return found

    def _tell(self, callbacks: Iterable[Callable[[T], None]], what: T) -> None:
        for callback in callbacks:
            try:
                callback(what)
            except Exception:
                log.exception("A subscriber of the log failed.")


@cache
def _select_after(most: int) -> Rows[Event]:
    return Rows(lambda: Event.objects.after(slot(Event, "id"))[:most])


_follower: Follower | None = None
_follower_pid = 0
_follower_lock = threading.Lock()


def follower() -> Follower:
    """This process's follower, started on first use (again after a fork)."""
    global _follower, _follower_pid
    with _follower_lock:
        if _follower is None or _follower_pid != os.getpid() or not _follower.alive:
            _follower, _follower_pid = Follower(), os.getpid()
            _follower.subscribe(waiters.tell)
            _follower.start()
        return _follower


def stop() -> None:
    """Stop this process's follower; the next use starts one at the log's then end."""
    global _follower
    with _follower_lock:
        if _follower is not None and _follower_pid == os.getpid():
            _follower.stop()
        _follower = None


def _forget() -> None:
    """After a fork: the child has no follower yet, and a lock that was held then stays held."""
    global _follower, _follower_lock
    _follower, _follower_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


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

    ends = math.inf if timeout is None else time.monotonic() + timeout
    waiters.add(subject, callback)
    try:
        while True:
            woken.clear()
            answer, pause = await sync_to_async(_ask)(ready)
            left = ends - time.monotonic()
            if answer is not None or left <= 0:
                return answer
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), min(left, pause))
    finally:
        waiters.remove(subject, callback)


def _ask(ready: Callable[[], T | None]) -> tuple[T | None, float]:
    """The answer, and after how many seconds to ask again whatever the log says.

    A database that is away is no answer: whoever waits goes on waiting until it is back.
    """
    try:
        return ready(), LOOK_AGAIN
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        log.warning("A waiter cannot ask the database; trying again.", exc_info=True)
        connection.close()  # the next question opens a new one
        return None, RETRY
