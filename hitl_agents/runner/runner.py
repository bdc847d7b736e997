"""The runner: claims runs, drives them, keeps leases, stops cleanly.

Runners share the work through the database only. Each hears the log; whoever claims first drives.
What there is to see to is noticed in hitl_agents.runner.noticing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError

from hitl_agents.journal import activation
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.runner import backoff, model_client, polling
from hitl_agents.runner.claims import Claims
from hitl_agents.runner.counting import Counting
from hitl_agents.runner.drive import Drive
from hitl_agents.runner.heartbeat import Heart
from hitl_agents.runner.hints import Hint
from hitl_agents.runner.noticing import Noticing
from ledger.clock import DbNow, now
from ledger.models import Runner
from ledger.requests import delivery
from ledger.tail import follower

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100  # runs driven in one process at a time


class AgentRunner:
    """Drives runs in this process. `await run()` until stopped, or until idle."""

    def __init__(self, *, until_idle: bool = False, most_at_once: int = MOST_AT_ONCE) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:4]}"
        self._until_idle = until_idle
        self._most = most_at_once
        self._lease: float = settings.HITL_LEASE_SECONDS
        self._database = DatabaseThreads()
        self._noticing = Noticing(self._database, self._claims_at_once)
        self._counting = Counting(self._database)
        self._drives: dict[int, Drive] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    # ---- Life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until stop(), or with until_idle until nothing is runnable any more."""
        self._loop = asyncio.get_running_loop()
        self._noticing.begin()
        self._client = model_client.make_client()
        await self._database(self._sign_on)
        self._claims = Claims(
            self.name, self._lease, self._start, self._note_nothing, self._claim_again
        )
        heart = Heart(self.name, self._lease, self._list_ours)
        heart.start()
        deafen = await self._database(self._listen)
        log.info("Runner %s is at work.", self.name)
        try:
            while not self._stopping:
                try:
                    await self._work()
                    if self._until_idle and await self._is_idle():
                        break
                except (OperationalError, InterfaceError):
                    log.exception("The database does not answer; trying again in a second.")
                    await asyncio.sleep(backoff.AGAIN)
                    self._noticing.try_again()
                except Exception:
                    if self._until_idle:
                        raise  # whoever waits for its end is told
                    log.exception("A bug of ours; the next look tries again what it kept undone.")
                await self._noticing.sleep()
            await self._finish()
        finally:
            for stop_listening in deafen:
                stop_listening()
            await self._claims.close()  # after an error, too: its thread may wait for this loop
            await asyncio.to_thread(heart.stop)
            await self._client.close()
            await self._database(self._sign_off)
            await asyncio.to_thread(self._database.close)

    def stop(self) -> None:
        """Stop cleanly: steps in flight end, runs are given back, then run() returns."""
        self._stopping = True
        for drive in self._drives.values():
            drive.stop()  # now: nothing more is to be begun while the runner comes to its end
        self._noticing.wake()

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

    def _listen(self) -> list[Callable[[], None]]:
        """Hear the log from here on; returns how to stop that."""
        heard = follower()
        return [
            heard.subscribe(self._noticing.take_events, self._noticing.claim_decided),
            heard.subscribe(self._counting.note_events),
        ]

    async def _finish(self) -> None:
        await self._claims.close()
        for drive in self._drives.values():
            drive.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._counting.end()

    # ---- Work -------------------------------------------------------------------------------

    async def _work(self) -> None:
        if self._noticing.time_to_look:
            await self._noticing.look()
            self._counting.begin()
        for run_id, table in self._noticing.take_decided().items():
            self._resume(run_id, table)
        if self._noticing.work_is_there and self._has_room:
            self._noticing.work_is_there = False  # before looking: a hint may come meanwhile
            while self._has_room and await self._claim_one():
                continue
            self._noticing.work_is_there |= not self._has_room  # the rest, when a drive has ended

    @property
    def _has_room(self) -> bool:
        driven = len(self._drives) + self._claims.in_flight
        return driven < self._most and not self._stopping

    async def _is_idle(self) -> bool:
        claims = self._claims
        if self._drives or self._tasks or claims.in_flight or claims.soon_again:
            return False
        if self._noticing.decided:
            return False
        return not await self._database(polling.runnable_soon)

    # ---- Claiming ---------------------------------------------------------------------------

    def _claims_at_once(self, hint: Hint) -> bool:
        """Whether it is a decision on a run that is claimed without going through the loop."""
        if hint.decided is None or hint.time or hint.decided in self._drives:
            return False
        if not self._has_room or self._claims.rests(hint.decided):
            return False
        self._claims.submit(hint.decided, hint.table)
        return True

    def _resume(self, run_id: int, table: str) -> None:
        if run_id in self._drives:
            self._drives[run_id].journal.activity.poke()
        elif self._claims.rests(run_id):
            return  # it comes again when it has rested
        elif self._has_room:
            self._claims.submit(run_id, table)
        else:
            self._noticing.decided[run_id] = table  # until a drive has ended

    def _note_nothing(self, run_id: int) -> None:
        """It does not wait: perhaps it was claimed here, right before that decision."""
        if run_id in self._drives:
            self._drives[run_id].journal.activity.poke()
        self._noticing.wake()  # there is room again, and perhaps nothing more to wait for

    def _claim_again(self, run_id: int, table: str) -> None:
        self._noticing.take_hints([Hint(decided=run_id, table=table)])

    async def _claim_one(self) -> bool:
        claimed = await self._database(self._claim_next, self._list_ours())
        if claimed is not None:
            self._start(claimed)
        return claimed is not None

    def _claim_next(self, driven: list[int]) -> Activation | None:
        if not polling.has_claimable(driven):
            return None
        found = activation.claim_next(self.name, self._lease, driven)
        if found is not None:
            self._claims.held.add(found.run.pk)
        return found

    def _list_ours(self) -> list[int]:
        """The runs that are driven here, or will be when the loop comes to it. From any thread."""
        return [*self._drives, *self._claims.held]

    # ---- Driving ----------------------------------------------------------------------------

    def _start(self, claimed: Activation, claim: Claim | None = None) -> None:
        drive = Drive(claimed, self._database, self._client, claim)
        if before := self._drives.get(claimed.run.pk):
            before.lose()  # its fence is behind; the run has gone on under this one
        self._drives[claimed.run.pk] = drive
        self._claims.held.discard(claimed.run.pk)
        if self._stopping:
            drive.stop()  # it was being claimed as the stop came
        task = self._loop.create_task(self._drive(drive))
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._noticing.wake()  # there is room again, and perhaps nothing more to wait for

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
        if waits and await self._is_decided(run_id):
            # Decided between the question and the commit of `waiting`: nobody else would tell.
            self._noticing.decided[run_id] = ""

    async def _is_decided(self, run_id: int) -> bool:
        try:
            return await self._database(delivery.has_decided, run_id)
        except Exception:
            log.exception("Whether run %s may go on at once could not be asked.", run_id)
            return True  # its claim looks again, and takes nothing for nothing
