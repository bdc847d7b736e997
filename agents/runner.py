"""The runner: claims runs, drives them, notices decisions, keeps leases, stops cleanly.

Runners share the work through the database only. Each hears the log; whoever claims first drives.
What a hint did not bring, a look every two seconds finds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from agents import model
from agents.drive import Drive
from agents.threads import DatabaseThreads
from approvals import services
from ledger import leases, requests
from ledger.clock import DbNow, later, now
from ledger.models import Event, Run, Runner
from ledger.tail import follower

log = logging.getLogger(__name__)

TICK = 2.0  # seconds between looks that no hint asked for
LIBRARY_TICKS = 5  # ticks between looks for programs that are gone
SOON = 120.0  # seconds: a backoff that `until_idle` waits for
MOST_AT_ONCE = 100  # runs driven in one process at a time
SIGN_EVERY = 5.0  # seconds, at most, between two signs of life


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
        self._decided: set[int] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._ticks = 0
        self._next_tick = 0.0

    # ---- Life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until stop(), or with until_idle until nothing is runnable any more."""
        self._loop = asyncio.get_running_loop()
        self._client = model.make_client()
        await self._database(self._sign_on)
        heart = _Heart(self.name, self._lease, lambda: list(self._drives))
        heart.start()
        unsubscribe = (await self._database(follower)).subscribe(self._heard)
        log.info("Runner %s is at work.", self.name)
        try:
            while not self._stopping:
                try:
                    await self._work()
                    if self._until_idle and await self._is_idle():
                        break
                except (OperationalError, InterfaceError):
                    log.exception("The database does not answer; trying again in a second.")
                    await asyncio.sleep(1.0)
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
        for drive in self._drives.values():
            drive.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _sleep(self) -> None:
        pause = max(0.0, self._next_tick - time.monotonic())
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
        except TimeoutError:
            return

    # ---- Noticing ---------------------------------------------------------------------------

    def _heard(self, events: list[Event]) -> None:
        """In the follower's thread: which runs these events may set going."""
        self._loop.call_soon_threadsafe(self._take_hints, [_hint(event) for event in events])

    def _take_hints(self, hints: list[tuple[int | None, bool, datetime | None]]) -> None:
        for run_id, decision, deadline in hints:
            if deadline is not None:
                self._look_at(deadline)
            if run_id is None:
                continue
            if decision:
                self._decided.add(run_id)
        self._wake.set()

    def _look_at(self, when: datetime) -> None:
        """Look again when this time has come, if that is sooner than the next tick."""
        seconds = when.timestamp() - time.time()
        self._next_tick = min(self._next_tick, time.monotonic() + max(0.0, seconds) + 0.005)

    async def _work(self) -> None:
        self._wake.clear()
        decided, self._decided = self._decided, set()
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + TICK
            decided |= set(await self._database(self._tick))
        for run_id in decided:
            await self._resume(run_id)
        while len(self._drives) < self._most and await self._claim_one():
            continue

    def _tick(self) -> list[int]:
        """What no hint brought: deadlines, lost hints, programs that are gone."""
        services.expire_due()
        self._ticks += 1
        if self._ticks % LIBRARY_TICKS == 1:
            leases.sweep_library()
        return requests.decided_runs()

    async def _resume(self, run_id: int) -> None:
        drive = self._drives.get(run_id)
        if drive is not None:
            if drive.journal is not None:
                drive.journal.poke()
            return
        run = await self._database(leases.claim_waiting, run_id, self.name, self._lease)
        if run is not None:
            self._start(run)

    async def _claim_one(self) -> bool:
        if not await self._database(_anything_to_claim):
            return False
        run = await self._database(leases.claim_next, self.name, self._lease)
        if run is not None:
            self._start(run)
        return run is not None

    # ---- Driving ----------------------------------------------------------------------------

    def _start(self, run: Run) -> None:
        drive = Drive(run, self._database, self._client)
        self._drives[run.pk] = drive
        task = self._loop.create_task(self._drive(drive))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, drive: Drive) -> None:
        run_id = drive.run.pk
        waits = False
        try:
            waits = await drive.go()
        except Exception:
            # The database is away, or a bug of ours: the lease lapses and a runner tries again.
            log.exception("Run %s could not be driven.", run_id)
        finally:
            self._drives.pop(run_id, None)
            self._wake.set()
        if waits and await self._database(requests.has_decided, run_id):
            # Decided between the question and the commit of `waiting`: nobody else would tell.
            self._decided.add(run_id)
            self._wake.set()

    async def _is_idle(self) -> bool:
        if self._drives or self._decided or self._tasks:
            return False
        return not await self._database(_runnable_soon)


def _hint(event: Event) -> tuple[int | None, bool, datetime | None]:
    """(run, whether a question of it was decided, a deadline that it names)."""
    if event.subject.startswith("ledger."):
        delay = event.payload.get("delay") if event.kind == "runs.requeued" else None
        return event.run_id, False, event.at + timedelta(seconds=delay) if delay else None
    data = event.payload
    deadline = data.get("deadline")
    return event.run_id, "was" in data, datetime.fromisoformat(deadline) if deadline else None


def _anything_to_claim() -> bool:
    """One cheap read, so that an idle runner takes no write lock."""
    due = Q(not_before=None) | Q(not_before__lte=DbNow())
    lost = Q(status=Run.Status.RUNNING, library=False, lease_until__lt=DbNow())
    return Run.objects.filter(Q(due, status=Run.Status.QUEUED) | lost).exists()


def _runnable_soon() -> bool:
    """Also what another runner drives: it may be gone, and then its lease lapses soon."""
    due = Q(not_before=None) | Q(not_before__lte=later(SOON))
    driven = Q(status=Run.Status.RUNNING, library=False)
    return Run.objects.filter(Q(due, status=Run.Status.QUEUED) | driven).exists()


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
