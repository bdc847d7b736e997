"""One activation of a run: answers what the journal has, and does the rest once.

The agent function is called from the top each time. Every step first looks into the journal; so
the first start, a decision after a week and a restart after kill -9 are the same code. When and
how an activation stops to wait is in agents.activity.
"""

from __future__ import annotations

import asyncio
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
from ledger.models import EntryKind, HumanRequest, JournalEntry, Run

LONGEST_KEY = 200  # characters of an author's own key

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

    async def write(self, name: str, about: Any, function: Callable[[Run, str], Any]) -> Any:
        """What a sync function wrote to this database, once: `function(run, key)` returns JSON.

        It runs in the transaction of its journal entry, so that a replay finds both or neither;
        `about` (JSON) tells it from others of that name.
        """
        async with self.in_flight():
            step = self.step_for(EntryKind.READ, name, about)
            entry = self._entries.get(step.key)
            if entry is None:
                started = timezone.now()
                entry = await self._db(entries.note_written, step, function, started)
                self._entries[step.key] = entry
            return entry.result

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
                self._give_up(begun)
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
        """
        asked = await self._question(model, request_id)
        about = {"request": entries.asked_in(asked), "seconds": seconds}
        step = self.step_for(EntryKind.WAIT, asked.name, about)
        entry, *_ = await self._begun(self._begin_wait(step, asked, seconds))
        return await self._unless_given_up(entry, lambda: self._in_time(entry))

    async def _begin_wait(self, step: Step, asked: JournalEntry, seconds: float) -> Asked:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is None:
                subject = (asked.request_kind, asked.request_id)
                entry = await self._db(entries.begin_wait, step, subject, seconds)
                self._entries[step.key] = entry
            return entry, None, False

    async def _question(self, model: type[HumanRequest], request_id: Any) -> JournalEntry:
        """The entry of a question that this run has asked; UnknownId or ValueError otherwise."""
        entry = self._asked.get(f"{model._meta.label_lower}:{request_id}")
        if entry is not None:
            return entry
        async with self.in_flight():  # another program's question, or an unknown id
            await self._database(patterns.of(model).by_id, request_id)
        raise ValueError(f"Run {self.hold.run_id} did not ask {model.__name__} {request_id}.")

    async def _unless_given_up(
        self, entry: JournalEntry, wait: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        """That wait; or, where the agent gave up on it before, a wait that is given up again."""
        self._counts[f"wait/{entry.pk}"] += 1
        if self._counts[f"wait/{entry.pk}"] <= entries.abandoned(entry):
            await self._park(entry, self._given_up)  # its canceller cancels it again
        try:
            return await wait()
        except asyncio.CancelledError:
            if self.latch is None:
                self._give_up(entry)
            raise

    async def _decision(self, entry: JournalEntry, timeout: float | None) -> Any:
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

    async def _in_time(self, entry: JournalEntry) -> Any | None:
        while True:
            async with self.in_flight():
                decided = entries.decision_in(self._decided, entry)
                over = decided is not None
                if not over:
                    over, decided = await self._db(entries.end_wait, entry)
            if over:
                return decided
            with self._poked_at(entries.wakes_at(entry)):
                await self._park(entry, self._parked)

    def _give_up(self, asked: JournalEntry | asyncio.Future[Asked]) -> None:
        """The agent itself stopped waiting for this question; a replay must do the same."""
        self._giving_up_on(self._abandon(asked))

    async def _abandon(self, asked: JournalEntry | asyncio.Future[Asked]) -> None:
        async with self._counted():
            if not isinstance(asked, JournalEntry):  # it was given up while it was being asked
                await asyncio.wait({asked})
                if asked.cancelled() or asked.exception() is not None:
                    return
                asked = asked.result()[0]
            await self._db(entries.abandon_wait, asked)

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
