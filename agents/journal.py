"""One activation of a run: answers what the journal has, does the rest once, suspends by parking.

The agent function is called from the top each time. Every step first looks into the journal; so
the first start, a decision after a week and a restart after kill -9 are the same code.

A question parks on a future. When something is parked, no journaled step is in flight and the
run's own code has come to rest, the journal latches: no further step may start, the runner
cancels the run's tasks, and whatever the function returns or raises from then on is discarded.
So `finally`, a bare `except`, gather and TaskGroup in an agent's code cannot end it wrongly.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any, NoReturn

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from agents import entries
from agents.entries import Activation, Hold, Question, Status, Step
from agents.threads import DatabaseThreads
from approvals.actions import ActionContext, ActionFailed
from approvals.models import ApprovalRequest
from ledger import canonical
from ledger.errors import BadInput, LostLease
from ledger.models import EntryKind, JournalEntry

QUIET_TURNS = 12  # turns of the loop without a step, after which the run's code is at rest
AWAY = 1.0  # seconds until a run is tried again whose journal could not be written
LONGEST_KEY = 200  # characters of an author's own key
LINGER = 60.0  # seconds: a timer of the agent's own that fires sooner is waited for in memory


@dataclass(frozen=True)
class Suspend:
    """The run waits for these entries' questions."""

    entries: tuple[int, ...]


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
Asking = asyncio.Future[tuple[ApprovalRequest, bool]]
Effect = Callable[[ActionContext], Awaitable[Any]]


class Journal:
    """What the run-bound model client, gates and actions of one activation go through."""

    def __init__(self, activation: Activation, database: DatabaseThreads) -> None:
        found = activation.journal
        self.hold = activation.hold
        self._decided = activation.decided
        self.tasks: set[asyncio.Task[Any]] = set()
        self.timers: set[asyncio.TimerHandle] = set()
        self.latch: Latch | None = None
        self.at_rest = asyncio.Event()  # latched, and what was in flight has ended
        self._database = database
        self._entries = {entry.key: entry for entry in found}
        self._asked = {entry.request_id: entry for entry in found if entry.kind == "question"}
        self._counts: Counter[str] = Counter()
        self._in_flight = 0
        self._stuck = 0  # of those in flight, the ones that may not go on
        self._parked: dict[asyncio.Future[None], JournalEntry] = {}
        self._given_up: dict[asyncio.Future[None], JournalEntry] = {}
        self._giving_up: set[asyncio.Task[None]] = set()
        self._quiet = 0
        self._settling = False

    # ---- Steps ------------------------------------------------------------------------------

    def step_for(self, kind: EntryKind, name: str, about: Any, key: str | None = None) -> Step:
        """The step's identity: never call order, or two gates under gather would swap answers."""
        if key is not None and len(key) > LONGEST_KEY:
            raise BadInput("key", f"longer than {LONGEST_KEY} characters.")
        text = canonical.envelope_text(about)
        step = Step(kind, name, "", text)
        base = f"{kind}/{name}/{key or step.digest[:16]}"
        self._counts[base] += 1
        count = self._counts[base]
        return Step(kind, name, base if count == 1 else f"{base}/{count}", text)

    @asynccontextmanager
    async def in_flight(self) -> AsyncIterator[None]:
        """Around everything that must be finished before the run may suspend."""
        async with self._counted():
            # What the agent does because it gave up on a question must not be in the journal
            # before that it gave up: whoever is killed in between would wait for it again.
            while self._giving_up:
                await asyncio.wait(set(self._giving_up))
            if self.latch is not None:
                await self.never()
            yield

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._in_flight += 1
        self._quiet = 0
        try:
            if self.latch is not None:
                await self.never()
            yield
        except LostLease:
            self.close(Lost())
            await self.never()
        except DatabaseAway as away:
            # Not the agent's business: it would take it for the outcome of its step.
            self.close(GiveBack(AWAY, str(away)))
            await self.never()
        finally:
            self._in_flight -= 1
            self._settle()

    async def never(self) -> NoReturn:
        """Where a step in flight ends that may not go on: only the runner's cancel gets out."""
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

    async def remember(
        self,
        kind: EntryKind,
        name: str,
        about: Any,
        call: Callable[[], Awaitable[Any]],
        key: str | None = None,
    ) -> Any:
        """The journaled result of a step without outside effect; made by `call` the first time."""
        async with self.in_flight():
            step = self.step_for(kind, name, about, key)
            entry = self._entries.get(step.key)
            if entry is not None:
                await self._note_change(entry, step)
                if entry.status == Status.FAILED:
                    raise StepFailed(entry.error)
                return entry.result
            started = timezone.now()  # for the page; nothing is decided by it
            try:
                result = await call()
            except StepFailed as error:
                entry = await self._db(entries.note_failed, step, str(error), started)
                self._entries[step.key] = entry
                raise
            entry = await self._db(entries.note_done, step, result, started)
            self._entries[step.key] = entry
            return entry.result  # as a replay will have it

    async def read(self, name: str, function: Callable[[], Any], key: str) -> Any:
        """What a sync function found when the run first came here; a replay reads the same."""

        async def call() -> Any:
            return await self.in_thread(function)

        return await self.remember(EntryKind.READ, name, {"key": key}, call, key)

    async def _note_change(self, entry: JournalEntry, step: Step) -> None:
        """An explicit key keeps its answer although what was asked has changed; say so."""
        if entry.input_digest != step.digest and not entry.note:
            await self._db(entries.add_note, entry, "kept: what was asked has changed since")

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Run a sync function, which may use the database, beside the loop."""
        return await self._database(function)

    async def _db(self, function: Callable[..., Any], *args: Any) -> Any:
        """Read or write the journal."""
        try:
            return await self._database(function, self.hold, *args)
        except (OperationalError, InterfaceError) as error:
            raise DatabaseAway(f"The database did not answer: {error}") from error

    # ---- Questions --------------------------------------------------------------------------

    async def ask(self, question: Question, key: str | None = None) -> tuple[ApprovalRequest, bool]:
        """Ask at a gate, once: the request, and whether it was asked just now (not on replay)."""
        canonical.canonical(question.details)  # BadInput for what is no JSON, as at any gate
        about = {"details": question.details, "after": question.previous}
        step = self.step_for(EntryKind.QUESTION, question.action, about, key)
        asking = asyncio.ensure_future(self._ask(step, question))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            if self.latch is None:
                self._give_up(asking)
            raise

    async def _ask(self, step: Step, question: Question) -> tuple[ApprovalRequest, bool]:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is None:
                entry, request = await self._db(entries.ask, step, question)
                self._entries[step.key] = entry
                self._asked[request.pk] = entry
                return request, True
            if entry.input_digest != step.digest:
                await self._diverge(entry, step)
            known = self._decided.get(entry.request_id or 0)
            return known or await self._db(entries.asked, entry), False

    async def wait(self, request_id: int, timeout: float | None = None) -> ApprovalRequest:
        """Wait for a decision on what this run asked. Costs a row once nothing else happens."""
        entry = self._asked.get(int(request_id))
        if entry is None:
            async with self.in_flight():  # another program's question, or an unknown id: KeyError
                await self._database(entries.services.by_id, request_id)
                raise ValueError(f"Run {self.hold.run_id} did not ask request {request_id}.")
        self._counts[f"wait/{entry.pk}"] += 1
        if self._counts[f"wait/{entry.pk}"] <= entries.abandoned(entry):
            await self._park(entry, self._given_up)  # its canceller cancels it again
        try:
            return await self._decision(entry, timeout)
        except asyncio.CancelledError:
            if self.latch is None:
                self._give_up(entry)
            raise

    async def _decision(self, entry: JournalEntry, timeout: float | None) -> ApprovalRequest:
        if timeout is not None and entry.status != Status.DONE:
            async with self.in_flight():
                await self._db(entries.shorten, entry, timeout)
        while True:
            async with self.in_flight():
                decided = entries.decision_in(self._decided, entry)
                decided = decided or await self._db(entries.take_decision, entry)
            if decided is not None:
                return decided
            await self._park(entry, self._parked)

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

    def _give_up(self, asked: JournalEntry | Asking) -> None:
        """The agent itself stopped waiting for this question; a replay must do the same."""
        giving_up = asyncio.get_running_loop().create_task(self._abandon(asked))
        self._giving_up.add(giving_up)
        giving_up.add_done_callback(self._giving_up.discard)
        self._quiet = -QUIET_TURNS  # it has not started yet; do not come to rest before it

    async def _abandon(self, asked: JournalEntry | Asking) -> None:
        async with self._counted():
            if not isinstance(asked, JournalEntry):  # it was given up while it was being asked
                await asyncio.wait({asked})
                if asked.cancelled() or asked.exception() is not None:
                    return
                request, _ = asked.result()
                asked = self._asked[request.pk]
            await self._db(entries.abandon_wait, asked)

    def poke(self) -> None:
        """Something this run waits for may be decided: look again (called in the loop)."""
        for future in list(self._parked):
            if not future.done():
                future.set_result(None)

    # ---- Actions ----------------------------------------------------------------------------

    async def act(
        self,
        name: str,
        details: Any,
        effect: Effect,
        *,
        idempotent: bool = False,
        request_id: int | None = None,
        key: str | None = None,
    ) -> Any:
        """Do something outside, at most once. Its result, or ActionFailed with the known reason.

        Shielded: an agent that stops waiting for an action cannot undo that it was started.
        """
        step = self.step_for(EntryKind.ACTION, name, details, key)
        doing = asyncio.ensure_future(self._act(step, effect, idempotent, request_id))
        return await asyncio.shield(doing)

    async def _act(
        self, step: Step, effect: Effect, idempotent: bool, request_id: int | None
    ) -> Any:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is not None:
                if entry.input_digest != step.digest:
                    await self._diverge(entry, step)
                if entry.status == Status.DONE:
                    return entry.result
                if entry.status == Status.FAILED:
                    raise ActionFailed(entry.error)
                if entry.status == Status.STARTED and not idempotent:
                    await self._in_doubt(entry, "No result was noted before the runner was gone.")
            entry = await self._db(entries.start_action, step, entry, request_id)
            self._entries[step.key] = entry
            return await self._effect(entry, step, effect, request_id)

    async def _effect(
        self, entry: JournalEntry, step: Step, effect: Effect, request_id: int | None
    ) -> Any:
        context = ActionContext(
            idempotency_key=idempotency_key(self.hold, step),
            run_id=self.hold.run_id,
            request_id=request_id,
        )
        try:
            result = as_json(await effect(context))
        except ActionFailed as failure:
            await self._db(entries.fail_action, entry, str(failure))
            raise
        except Exception as error:
            await self._in_doubt(entry, f"It ended with {type(error).__name__}: {error}")
        await self._db(entries.finish_or_leave_evidence, entry, result)
        return result

    async def _in_doubt(self, entry: JournalEntry, why: str) -> NoReturn:
        about = {"kind": "action", "entry": entry.pk, "name": entry.name, "why": why}
        self.close(Doubt(about))
        await self.never()

    async def _diverge(self, entry: JournalEntry, step: Step) -> NoReturn:
        """The agent's code asks something else under a key that the journal knows."""
        about = {"kind": "diverged", "key": step.key, "was": entry.input, "now": step.input}
        self.close(Doubt(about))
        await self.never()

    # ---- Coming to rest ---------------------------------------------------------------------

    def close(self, latch: Latch) -> None:
        """Latch: no step starts from here on. The first reason stands."""
        if self.latch is None:
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
        timer = self._next_timer(loop.time())
        if timer is not None:
            # In an empty context: this timer is ours, not one of the run's.
            loop.call_at(timer + 0.01, self._settle, context=Context())
        elif self._parked:
            self.close(Suspend(tuple(sorted({entry.pk for entry in self._parked.values()}))))
        else:
            self._wait_after_all()

    def _wait_after_all(self) -> None:
        """The agent gave up on these questions once, but does not now: they count as waits."""
        for future in list(self._given_up):
            if not future.done():
                future.set_result(None)

    def _next_timer(self, time: float) -> float | None:
        """When the agent's own next timer fires, such as wait_for's; None if not soon."""
        self.timers = {timer for timer in self.timers if not timer.cancelled()}
        soon = [timer.when() for timer in self.timers if timer.when() <= time + LINGER]
        return min(soon, default=None)


class DatabaseAway(Exception):
    """The journal could not be read or written."""


class StepFailed(Exception):
    """A step ended with an error that is journaled: a replay meets the same."""


def as_json(result: Any) -> Any:
    """What an action returned, as it can be stored: what is not JSON is kept as its text."""
    try:
        canonical.canonical(result, "result")
    except BadInput:
        return {"text": repr(result)}
    return result


def idempotency_key(hold: Hold, step: Step) -> str:
    """Stable over every retry of this step of this run, and of no other."""
    text = f"{hold.run_id}:{hold.generation}:{step.key}:{step.digest}"
    return canonical.digest(text, "hitl-idempotency/v1")
