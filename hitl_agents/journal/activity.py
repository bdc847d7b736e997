"""The activity of one activation of a run: in flight, parked, at rest, and why it stops.

A question parks on a future. When something is parked, no journaled step is in flight and the
run's own code has come to rest, this latches: no further step may start, the runner cancels the
run's tasks, and whatever the function returns or raises from then on is discarded. So `finally`,
a bare `except`, gather and TaskGroup in an agent's code cannot end it wrongly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from hitl_agents.journal import entries
from ledger.clock import read_local_clock
from ledger.errors import LostLease
from ledger.models import EntryKind, JournalEntry

QUIET_TURNS = 12  # turns of the loop without a step, after which the run's code is at rest
AWAY = 1.0  # seconds until a run is tried again whose journal could not be written
LINGER = 60.0  # seconds: a timer of the agent's own that fires sooner is waited for in memory


@dataclass(frozen=True)
class Suspend:
    """The run waits for these entries' questions, for the first of them until `wake_at`."""

    entries: tuple[int, ...]
    wake_at: datetime | None = None


@dataclass(frozen=True)
class GiveBack:
    """Queue the run again after `delay` seconds."""

    delay: float
    reason: str
    failed_try: bool = False


@dataclass(frozen=True)
class Doubt:
    """A person has to say what happened."""

    about: dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """Another runner has the run, or it was cancelled: write nothing more."""


@dataclass(frozen=True)
class Ended:
    """The agent's function has returned or raised."""


Latch = Suspend | GiveBack | Doubt | Lost | Ended


class DatabaseAway(Exception):
    """The journal could not be read or written."""


class Activity:
    """Counts what a run does in this process, and tells when nothing more will happen by itself."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.timers: set[asyncio.TimerHandle] = set()
        self.latch: Latch | None = None
        self.at_rest = asyncio.Event()  # latched, and what was in flight has ended
        self._in_flight = 0
        self._stuck = 0  # of those in flight, the ones that may not go on
        self._parked: dict[asyncio.Future[None], JournalEntry] = {}
        self._given_up: dict[asyncio.Future[None], JournalEntry] = {}
        self._giving_up: dict[asyncio.Future[None], asyncio.Task[None]] = {}
        self._pokes = 0
        self._quiet = 0
        self._settling = False

    @asynccontextmanager
    async def in_flight(self) -> AsyncIterator[None]:
        """Around everything that must be finished before the run may suspend."""
        async with self.writing():
            # What the agent does because it gave up on a question must not be in the journal
            # before that it gave up: whoever is killed in between would wait for it again.
            # Only what was given up before: a later one may be waiting for this very step.
            if self._giving_up:
                await asyncio.wait(set(self._giving_up))
            if self.latch is not None:
                await self.halt()
            yield

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Around what is written down about a step that was given up: it waits for no other."""
        self._in_flight += 1
        self._quiet = 0
        try:
            if self.latch is not None:
                await self.halt()
            yield
        except LostLease:
            self.close(Lost())
            await self.halt()
        except DatabaseAway as away:
            # Not the agent's business: it would take it for the outcome of its step. If the agent
            # has returned meanwhile, the run is not over: a replay does or asks what is missing.
            self.close(GiveBack(AWAY, str(away)), over=(Ended,))
            await self.halt()
        finally:
            self._in_flight -= 1
            self._settle()

    async def halt(self) -> NoReturn:
        """Hold a step that may not go on: only the runner's cancel gets out."""
        self._stuck += 1
        self._settle()
        try:
            while True:
                await asyncio.get_running_loop().create_future()
        finally:
            self._stuck -= 1

    @property
    def _busy(self) -> bool:
        return self._in_flight > self._stuck

    # ---- Parking ----------------------------------------------------------------------------

    @property
    def pokes(self) -> int:
        """How often this was poked: read it before a look, and give it to park() after it."""
        return self._pokes

    @property
    def parked(self) -> int:
        """How many waits for a decision are parked."""
        return len(self._parked)

    async def park(self, entry: JournalEntry, looked: int) -> None:
        """Wait for a decision until poked. `looked`: the pokes before the last look for one."""
        if looked == self._pokes:  # otherwise there was a poke since, which must not be lost
            await self._park(entry, self._parked)

    async def park_until_cancelled(self, entry: JournalEntry) -> None:
        """Wait to be given up again, as an earlier activation's wait for this entry was.

        Returns if the agent comes to rest without giving up: then it waits for it after all.
        """
        await self._park(entry, self._given_up)

    async def _park(
        self, entry: JournalEntry, where: dict[asyncio.Future[None], JournalEntry]
    ) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        where[future] = entry
        self._settle()
        try:
            await future
        finally:
            where.pop(future, None)

    def poke(self) -> None:
        """Something this run waits for may be decided: look again (called in the loop)."""
        self._pokes += 1
        for future in list(self._parked):
            if not future.done():
                future.set_result(None)

    @contextmanager
    def poke_at(self, when: datetime) -> Iterator[None]:
        """Meanwhile, look again when that time has come, if the run is still in memory then."""
        loop = asyncio.get_running_loop()
        seconds = (when - read_local_clock()).total_seconds()
        # In an empty context: this timer is ours, not one of the run's.
        timer = loop.call_later(max(0.0, seconds) + 0.01, self.poke, context=Context())
        try:
            yield
        finally:
            timer.cancel()

    def give_up(self, write: Coroutine[Any, Any, None]) -> None:
        """Have `write` note that the agent gave up, before anything that it does then.

        Nothing, once this has latched: a cancel is the runner's then, not the agent's.
        """
        if self.latch is not None:
            write.close()
            return
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._giving_up[written] = loop.create_task(write)
        self._giving_up[written].add_done_callback(lambda _: self._go_on_after(written))
        self._quiet = -QUIET_TURNS  # it has not started yet; do not come to rest before it

    def _go_on_after(self, written: asyncio.Future[None]) -> None:
        """Let go on what waits for this to be written down, or for it never to be."""
        self._giving_up.pop(written, None)
        if not written.done():
            written.set_result(None)

    # ---- Coming to rest ---------------------------------------------------------------------

    def close(self, latch: Latch, over: tuple[type[Latch], ...] = ()) -> None:
        """Latch: no step starts from here on. The first reason stands, if it is not one of `over`.

        What was in flight then may end in a way that the first reason must not hide.
        """
        if self.latch is None:
            self.latch = latch
            for written in list(self._giving_up):  # nothing more will be: do not wait for it
                self._go_on_after(written)
        elif isinstance(self.latch, over):
            self.latch = latch
        if not self._busy:
            self.at_rest.set()

    async def end(self) -> None:
        """The agent's function is over: no further step starts; returns when none is in flight."""
        self.close(Ended())
        await self.at_rest.wait()

    def stop(self) -> None:
        """A clean stop: what is in flight ends, nothing further starts."""
        self.close(GiveBack(0.0, "the runner was stopped"))

    def _settle(self) -> None:
        if self._busy:
            return
        if self.latch is not None:
            self.at_rest.set()
        elif (self._parked or self._given_up) and not self._settling:
            self._settling = True
            self._quiet = 0
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Count quiet turns of the loop, so that code between two steps gets to its next one."""
        loop = asyncio.get_running_loop()
        if self._busy or self.latch is not None or not (self._parked or self._given_up):
            self._settling = False
            return
        self._quiet += 1
        if self._quiet < QUIET_TURNS:
            loop.call_soon(self._turn)
            return
        self._settling = False
        timer = self._find_next_timer(loop.time())
        if timer is not None:
            # In an empty context: this timer is ours, not one of the run's.
            loop.call_at(timer + 0.01, self._settle, context=Context())
        elif self._parked:
            self.close(self._build_suspend())
        else:
            self._wait_after_all()

    def _build_suspend(self) -> Suspend:
        waits = {entry.pk: entry for entry in self._parked.values()}
        ends = [entries.wakes_at(one) for one in waits.values() if one.kind == EntryKind.WAIT]
        return Suspend(tuple(sorted(waits)), min(ends, default=None))

    def _wait_after_all(self) -> None:
        """The agent gave up on these questions once, but does not now: they count as waits."""
        for future in list(self._given_up):
            if not future.done():
                future.set_result(None)

    def _find_next_timer(self, time: float) -> float | None:
        """When the agent's own next timer fires, such as wait_for's; None if not soon."""
        self.timers = {timer for timer in self.timers if not timer.cancelled()}
        soon = [timer.when() for timer in self.timers if timer.when() <= time + LINGER]
        return min(soon, default=None)


async def diverge(activity: Activity, key: str, was: str, now: str) -> NoReturn:
    """Leave the run in doubt: its code asks something else under a key that the journal knows."""
    activity.close(Doubt({"kind": "diverged", "key": key, "was": was, "now": now}))
    await activity.halt()
