"""The runner: claims runs, drives them, notices decisions, keeps leases, stops cleanly.

Runners share the work through the database only. Each hears the log; whoever claims first drives.
What a hint did not bring, a look every two and a half seconds finds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from agents import activation, model
from agents.activation import Activation
from agents.claim import Claim, Claims
from agents.drive import Drive
from agents.hints import NOTHING, Hint, hint_of
from agents.threads import DatabaseThreads
from figures import rollups
from ledger import leases, requests
from ledger.clock import DbNow, later, now, shown_now
from ledger.models import Event, Run, Runner
from ledger.tail import follower
from ledger.wake import Decided

log = logging.getLogger(__name__)

TICK = 2.5  # seconds between looks that no hint asked for
LIBRARY_TICKS = 4  # ticks between looks for programs that are gone
AGAIN = 1.0  # seconds until what the database did not answer is tried again
SOON = 120.0  # seconds: a backoff, or the end of a wait, that `until_idle` waits for
MOST_AT_ONCE = 100  # runs driven in one process at a time
SIGN_EVERY = 5.0  # seconds, at most, between two signs of life
COUNTING = 0.5  # seconds of a tick, at most, in which the log is counted into the figures


class AgentRunner:
    """Drives runs in this process. `await run()` until stopped, or until idle."""

    def __init__(self, *, until_idle: bool = False, most_at_once: int = MOST_AT_ONCE) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:4]}"
        self._until_idle = until_idle
        self._most = most_at_once
        self._lease: float = settings.HITL_LEASE_SECONDS
        self._database = DatabaseThreads()
        self._drives: dict[int, Drive] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._decided: dict[int, str] = {}  # runs to resume: which table the answer is in, or ""
        self._told_of: set[int] = set()  # events not read yet, whose runs are being claimed
        self._work_is_there = True  # perhaps: a run may have become free to claim
        self._wake = asyncio.Event()
        self._stopping = False
        self._ticks = 0
        self._next_tick = 0.0
        self._to_count = True  # perhaps: the log may have grown since it was counted
        self._counting: asyncio.Task[None] | None = None

    # ---- Life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until stop(), or with until_idle until nothing is runnable any more."""
        self._loop = asyncio.get_running_loop()
        self._client = model.make_client()
        await self._database(self._sign_on)
        self._claims = Claims(
            self.name, self._lease, self._start, self._nothing_to_claim, self._claim_failed
        )
        heart = _Heart(self.name, self._lease, lambda: list(self._drives))
        heart.start()
        unsubscribe = (await self._database(follower)).subscribe(self._heard, self._told)
        log.info("Runner %s is at work.", self.name)
        try:
            while not self._stopping:
                try:
                    await self._work()
                    if self._until_idle and await self._is_idle():
                        break
                except (OperationalError, InterfaceError):
                    log.exception("The database does not answer; trying again in a second.")
                    await asyncio.sleep(AGAIN)
                await self._sleep()
            await self._finish()
        finally:
            unsubscribe()
            await asyncio.to_thread(heart.stop)
            await self._client.close()
            await self._database(self._sign_off)
            await asyncio.to_thread(self._database.close)

    def stop(self) -> None:
        """Stop cleanly: steps in flight end, runs are given back, then run() returns."""
        self._stopping = True
        for drive in self._drives.values():
            drive.stop()  # now: nothing more is to be begun while the runner comes to its end
        self._wake.set()

    def _sign_on(self) -> None:
        Runner.objects.create(
            name=self.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=now(),
            seen_at=now(),
        )

    def _sign_off(self) -> None:
        Runner.objects.filter(pk=self.name).update(stopped=True, seen_at=DbNow())

    async def _finish(self) -> None:
        await self._claims.close()
        for drive in self._drives.values():
            drive.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._counting is not None:
            await self._counting

    async def _sleep(self) -> None:
        """Until woken or the next tick. Not wait_for(): its task takes the loop some more turns."""
        pause = max(0.0, self._next_tick - time.monotonic())
        tick = self._loop.call_later(pause, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            tick.cancel()

    # ---- Noticing ---------------------------------------------------------------------------

    def _heard(self, events: list[Event]) -> None:
        """In the follower's thread: which runs these events may set going."""
        self._to_count = True
        news = [event for event in events if event.id not in self._told_of]
        self._told_of.difference_update(event.id for event in events)
        hints = [hint for event in news if (hint := hint_of(event)) != NOTHING]
        left = [hint for hint in hints if not self._claims_at_once(hint)]
        if left:  # what a claim itself wrote says nothing, and comes when the run goes on
            self._loop.call_soon_threadsafe(self._take_hints, left)

    def _told(self, decided: Decided) -> None:
        """In the follower's thread, before it reads the log: claim the run of that question."""
        if self._claims_at_once(Hint(decided=decided.run, table=decided.table)):
            self._told_of.add(decided.event)

    def _claims_at_once(self, hint: Hint) -> bool:
        """Whether it is a decision on a run that is claimed without going through the loop."""
        if hint.decided is None or hint.time or hint.decided in self._drives or not self._has_room:
            return False
        self._claims.soon(hint.decided, hint.table)
        return True

    def _take_hints(self, hints: list[Hint]) -> None:
        for hint in hints:
            if hint.time is not None:
                self._look_at(hint.time)
            if hint.decided is not None:
                self._decided[hint.decided] = hint.table
            self._work_is_there |= hint.work
        self._wake.set()

    def _look_at(self, when: datetime) -> None:
        """Look again when this time has come, if that is sooner than the next tick."""
        self._look_in((when - shown_now()).total_seconds())

    def _look_in(self, seconds: float) -> None:
        self._next_tick = min(self._next_tick, time.monotonic() + max(0.0, seconds) + 0.005)

    async def _work(self) -> None:
        self._wake.clear()
        decided, self._decided = self._decided, {}
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + TICK
            self._work_is_there = True
            decided = await self._look(decided)
            self._count_beside()
        for run_id, table in decided.items():
            self._resume(run_id, table)
        if self._work_is_there and self._has_room:
            self._work_is_there = False  # before looking: a hint may come meanwhile
            while self._has_room and await self._claim_one():
                continue
            self._work_is_there |= not self._has_room  # the rest, when a drive has ended

    async def _look(self, decided: dict[int, str]) -> dict[int, str]:
        """What a tick finds, with these. If it fails, they are kept for the next try."""
        try:
            return dict.fromkeys(await self._database(self._tick), "") | decided
        except BaseException:
            self._decided = decided | self._decided
            self._wake.set()
            raise

    @property
    def _has_room(self) -> bool:
        return len(self._drives) + self._claims.in_flight < self._most

    def _tick(self) -> list[int]:
        """What no hint brought: deadlines, lost hints, programs that are gone."""
        requests.expire_due()
        self._ticks += 1
        if self._ticks % LIBRARY_TICKS == 1:
            leases.sweep_library()
        return [*requests.decided_runs(), *self._due()]

    def _due(self) -> list[int]:
        """Runs whose time is up; what is due before the next tick is looked at when it is."""
        waking = leases.due_to_wake(within=TICK)
        if not waking:
            return []
        at = now()
        for when in waking.values():
            if when > at:
                self._loop.call_soon_threadsafe(self._look_in, (when - at).total_seconds())
                break  # the first of them, in order; that look finds the next
        return [run_id for run_id, when in waking.items() if when <= at]

    # ---- Counting ---------------------------------------------------------------------------

    def _count_beside(self) -> None:
        """Have what is new in the log counted into the figures; an idle runner asks nothing for it.

        Beside everything else: nobody waits for the figures, and no decision may wait for them.
        """
        if self._to_count and (self._counting is None or self._counting.done()):
            self._to_count = False  # before counting: more may come meanwhile
            self._counting = self._loop.create_task(self._count())

    async def _count(self) -> None:
        try:
            if not await self._database(rollups.catch_up, COUNTING):
                self._to_count = True
        except Exception:
            log.exception("The figures were not counted; trying again when the log grows.")

    # ---- Claiming ---------------------------------------------------------------------------

    def _resume(self, run_id: int, table: str) -> None:
        if run_id in self._drives:
            self._drives[run_id].journal.poke()
        elif self._has_room:
            self._claims.soon(run_id, table)
        else:
            self._decided[run_id] = table  # until a drive has ended

    def _nothing_to_claim(self, run_id: int) -> None:
        """It does not wait: perhaps it was claimed here, right before that decision."""
        if run_id in self._drives:
            self._drives[run_id].journal.poke()
        self._wake.set()  # there is room again, and perhaps nothing more to wait for

    def _claim_failed(self, run_id: int, table: str) -> None:
        again = [Hint(decided=run_id, table=table)]
        self._loop.call_later(AGAIN, self._take_hints, again)

    async def _claim_one(self) -> bool:
        claimed = await self._database(self._claim_next, list(self._drives))
        if claimed is not None:
            self._start(claimed)
        return claimed is not None

    def _claim_next(self, driven: list[int]) -> Activation | None:
        if not _anything_to_claim(driven):
            return None
        return activation.claim_next(self.name, self._lease, driven)

    # ---- Driving ----------------------------------------------------------------------------

    def _start(self, claimed: Activation, claim: Claim | None = None) -> None:
        drive = Drive(claimed, self._database, self._client, claim)
        if before := self._drives.get(claimed.run.pk):
            before.lose()  # its fence is behind; the run has gone on under this one
        self._drives[claimed.run.pk] = drive
        task = self._loop.create_task(self._drive(drive))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()  # there is room again, and perhaps nothing more to wait for

    async def _drive(self, drive: Drive) -> None:
        run_id = drive.run.pk
        waits = False
        try:
            waits = await drive.go()
        except Exception:
            # The database is away, or a bug of ours: the lease lapses and a runner tries again.
            log.exception("Run %s could not be driven.", run_id)
        finally:
            if self._drives.get(run_id) is drive:  # it may have been claimed again meanwhile
                del self._drives[run_id]
        if waits and await self._database(requests.has_decided, run_id):
            # Decided between the question and the commit of `waiting`: nobody else would tell.
            self._decided[run_id] = ""

    async def _is_idle(self) -> bool:
        if self._drives or self._decided or self._tasks or self._claims.in_flight:
            return False
        return not await self._database(_runnable_soon)


def _anything_to_claim(driven: list[int]) -> bool:
    """One cheap read, so that an idle runner takes no write lock."""
    due = Q(not_before=None) | Q(not_before__lte=DbNow())
    lost = Q(status=Run.Status.RUNNING, library=False, lease_until__lt=DbNow())
    lost &= ~Q(pk__in=driven)
    return Run.objects.filter(Q(due, status=Run.Status.QUEUED) | lost).exists()


def _runnable_soon() -> bool:
    """Also what another runner drives: it may be gone, and then its lease lapses soon."""
    due = Q(not_before=None) | Q(not_before__lte=later(SOON))
    driven = Q(status=Run.Status.RUNNING, library=False)
    waking = Q(status=Run.Status.WAITING, wake_at__lte=later(SOON))
    return Run.objects.filter(Q(due, status=Run.Status.QUEUED) | driven | waking).exists()


class _Heart:
    """Renews leases from a thread of its own: a blocked loop must not look like a dead runner."""

    def __init__(self, runner: str, lease: float, driven: Callable[[], list[int]]) -> None:
        self._runner = runner
        self._lease = lease
        self._driven = driven
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="hitl-heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=30)

    def _beat(self) -> None:
        try:
            while not self._stopped.wait(min(SIGN_EVERY, self._lease / 3)):
                self._renew()
        finally:
            connection.close()

    def _renew(self) -> None:
        try:
            leases.renew(self._runner, self._driven(), self._lease)
        except Exception:
            log.exception("The leases of %s were not renewed.", self._runner)
            connection.close()
