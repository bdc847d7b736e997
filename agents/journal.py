"""One activation of a run: answers what the journal has, and does the rest once.

The agent function is called from the top each time. Every step first looks into the journal; so
the first start, a decision after a week and a restart after kill -9 are the same code. When and
how an activation stops to wait is in agents.activity.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from agents import entries
from agents.activity import Activity, DatabaseAway, Doubt
from agents.entries import Activation, Hold, Question, Status, Step
from agents.threads import DatabaseThreads
from approvals.actions import ActionContext, ActionFailed
from ledger import canonical, patterns
from ledger.errors import BadInput
from ledger.models import EntryKind, HumanRequest, JournalEntry

LONGEST_KEY = 200  # characters of an author's own key, and of a step's name
LONGEST_BASE = 280  # characters of a stored key, before its count
LONGEST_WAIT = 10 * 365 * 24 * 60 * 60  # seconds; who waits longer waits without an end

_COUNTED = re.compile(r"#\d+\Z")

Asked = tuple[JournalEntry, Any, bool]  # the entry, the question's row, and whether it is new
Effect = Callable[[ActionContext], Awaitable[Any]]


class Journal(Activity):
    """What the run-bound model client, gates, managers and actions of one activation go through."""

    def __init__(self, activation: Activation, database: DatabaseThreads) -> None:
        super().__init__()
        found = activation.journal
        self.hold = activation.hold
        self._decided = activation.decided
        self._database = database
        self._entries = {entry.key: entry for entry in found}
        self._asked = {
            entries.asked_in(entry): entry for entry in found if entry.kind == EntryKind.QUESTION
        }
        self._counts: Counter[str] = Counter()
        self._waits: Counter[int] = Counter()  # how often each question was waited for

    # ---- Steps ------------------------------------------------------------------------------

    def step_for(self, kind: EntryKind, name: str, about: Any, key: str | None = None) -> Step:
        """The step's identity: never call order, or two gates under gather would swap answers."""
        _check("key", key or "")
        if kind != EntryKind.QUESTION:  # a question's name is its pattern's to check
            _check("name", name)
        text = canonical.envelope_text(about)
        base = f"{kind}/{name}/{key or Step(kind, name, '', text).digest[:16]}"
        if len(base) > LONGEST_BASE:
            base = f"{base[: LONGEST_BASE - 33]}/{canonical.digest(base, 'hitl-key/v1')[:32]}"
        self._counts[base] += 1
        count = self._counts[base]
        # An author's key that looks like a counted one is counted from the first.
        counted = count > 1 or _COUNTED.search(base)
        return Step(kind, name, f"{base}#{count}" if counted else base, text)

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
        """What a function found in our database when the run first came here; a replay too."""

        async def call() -> Any:
            return await self._ours(function)

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
        return await self._ours(function, self.hold, *args)

    async def _ours(self, function: Callable[..., Any], *args: Any) -> Any:
        """Use our own database: that it is away is no outcome of the agent's step."""
        try:
            return await self._database(function, *args)
        except (OperationalError, InterfaceError) as error:
            raise DatabaseAway(f"The database did not answer: {error}") from error

    # ---- Questions --------------------------------------------------------------------------

    async def ask(self, question: Question, key: str | None = None) -> tuple[Any, bool]:
        """Ask people, once: the question's row, and whether it was asked just now (not on replay)."""
        step = self.step_for(EntryKind.QUESTION, question.name, question.about, key)
        _, request, new = await self._begun(self._ask(step, question))
        return request, new

    async def _begun(self, beginning: Coroutine[Any, Any, Asked]) -> Asked:
        """What must be begun to its end even if the agent stops waiting for it meanwhile."""
        begun = asyncio.ensure_future(beginning)
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            if self.latch is None:
                self._giving_up_on(self._give_up_begun(begun))
            raise

    async def _ask(self, step: Step, question: Question) -> Asked:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is None:
                entry, request = await self._db(entries.ask, step, question)
                self._entries[step.key] = entry
                self._asked[entries.asked_in(entry)] = entry
                return entry, request, True
            if entry.input_digest != step.digest:
                await self._diverge(entry, step)
            known = self._decided.get(entries.asked_in(entry))
            return entry, known or await self._db(entries.asked, entry), False

    async def wait(
        self, model: type[HumanRequest], request_id: Any, timeout: float | None = None
    ) -> Any:
        """Wait for a decision on what this run asked. Costs a row once nothing else happens.

        `timeout` (seconds) brings the question's own deadline forward, once.
        """
        entry = await self._question(model, request_id)
        return await self._unless_given_up(entry, lambda: self._decision(entry, timeout))

    async def wait_or_leave(
        self, model: type[HumanRequest], request_id: Any, seconds: float
    ) -> Any | None:
        """As wait(); but after so many seconds the agent goes on with None, and the question stays.

        When that is, and how it ended, is journaled: a replay goes the same way.
        Infinity waits as long as it takes. Raises BadInput for what is no number of seconds.
        """
        if not isinstance(seconds, int | float) or seconds != seconds:
            raise BadInput("seconds", f"{seconds!r} is no number of seconds.")
        if seconds > LONGEST_WAIT:
            return await self.wait(model, request_id)
        asked = await self._question(model, request_id)
        about = {"request": entries.asked_in(asked), "seconds": seconds}
        step = self.step_for(EntryKind.WAIT, asked.name, about)

        async def in_time() -> Any | None:
            return await self._in_time(await self._begin_wait(step, asked, seconds))

        return await self._unless_given_up(asked, in_time, step.key)

    async def _begin_wait(self, step: Step, asked: JournalEntry, seconds: float) -> JournalEntry:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is None:
                entry = await self._db(entries.begin_wait, step, asked, seconds)
                self._entries[step.key] = entry
            return entry

    async def _question(self, model: type[HumanRequest], request_id: Any) -> JournalEntry:
        """The entry of a question that this run has asked; UnknownId or ValueError otherwise."""
        entry = self._asked.get(f"{model._meta.label_lower}:{request_id}")
        if entry is not None:
            return entry
        async with self.in_flight():  # another program's question, or an unknown id
            await self._ours(patterns.of(model).by_id, request_id)
        raise ValueError(f"Run {self.hold.run_id} did not ask {model.__name__} {request_id}.")

    async def _unless_given_up(
        self,
        asked: JournalEntry,
        wait: Callable[[], Coroutine[Any, Any, Any]],
        key: str = "",
    ) -> Any:
        """That wait; or, where the agent gave up on it before, a wait that is given up again.

        `key` is that of an entry of the wait's own.
        """
        self._waits[asked.pk] += 1
        number = self._waits[asked.pk]
        if number in entries.given_up(asked):
            await self._park(asked, self._given_up)  # its canceller cancels it again
        try:
            return await wait()
        except asyncio.CancelledError:
            if self.latch is None:
                self._giving_up_on(self._give_up(asked, number, key))
            raise

    async def _decision(self, entry: JournalEntry, timeout: float | None) -> Any:
        if timeout is not None and entry.status != Status.DONE:
            async with self.in_flight():
                await self._db(entries.shorten, entry, timeout)
        while True:
            looked = self._pokes
            async with self.in_flight():
                decided = entries.decision_in(self._decided, entry)
                decided = decided or await self._db(entries.take_decision, entry)
            if decided is not None:
                return decided
            await self._park(entry, self._parked, looked)

    async def _in_time(self, entry: JournalEntry) -> Any | None:
        while True:
            looked = self._pokes
            async with self.in_flight():
                decided = entries.decision_in(self._decided, entry)
                over = decided is not None or entry.status == Status.DONE
                if not over:
                    over, decided = await self._db(entries.end_wait, entry)
            if over:
                return decided
            with self._poked_at(entries.wakes_at(entry)):
                await self._park(entry, self._parked, looked)

    async def _give_up(self, asked: JournalEntry, number: int, key: str = "") -> None:
        """Note that the agent itself stopped this wait; a replay stops the same one."""
        async with self._counted():
            await self._db(entries.give_up, asked, number, key)

    async def _give_up_begun(self, begun: asyncio.Future[Asked]) -> None:
        """It was given up while it was being asked: the wait that would have followed is."""
        await asyncio.wait({begun})  # counted by itself; it may be one that may not go on
        if not begun.cancelled() and begun.exception() is None:
            asked = begun.result()[0]
            await self._give_up(asked, self._waits[asked.pk] + 1)

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


def _check(field: str, text: str) -> None:
    """BadInput for what no column of the journal holds."""
    if len(text) > LONGEST_KEY:
        raise BadInput(field, f"longer than {LONGEST_KEY} characters.")
    canonical.canonical(text, field)


class StepFailed(Exception):
    """A step ended with an error that is journaled: a replay meets the same."""


def as_json(result: Any) -> Any:
    """What an action returned, as it can be stored: what is not JSON is kept as its text."""
    try:
        canonical.canonical(result, "result")
    except BadInput:
        return {"text": repr(result)}
    return canonical.as_read(result)


def idempotency_key(hold: Hold, step: Step) -> str:
    """Stable over every retry of this step of this run, and of no other."""
    text = f"{hold.run_id}:{hold.generation}:{step.key}:{step.digest}"
    return canonical.digest(text, "hitl-idempotency/v1")
