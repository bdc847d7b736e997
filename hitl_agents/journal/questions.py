"""Questions to people: asked once in the life of a run, and the waiting for an answer.

When and how an activation stops to wait is in hitl_agents.journal.activity.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from hitl_agents.journal import entries
from hitl_agents.journal.activity import Activity, diverge
from hitl_agents.journal.entries import Question, Status, Step
from hitl_agents.journal.rows import Rows
from ledger import patterns
from ledger.errors import BadInput, quoted
from ledger.models import EntryKind, JournalEntry
from ledger.requests.models import HumanRequest

LONGEST_WAIT = 10 * 365 * 24 * 60 * 60  # seconds; who waits longer waits without an end

Asked = tuple[JournalEntry, Any, bool]  # the entry, the question's row, and whether it is new


class Questions:
    """What the run asks people, of any pattern."""

    def __init__(self, activity: Activity, rows: Rows) -> None:
        self._activity = activity
        self._rows = rows
        self._waits: Counter[int] = Counter()  # how often each question was waited for

    async def ask(self, question: Question, key: str | None = None) -> tuple[Any, bool]:
        """Ask people, once: the question's row, and whether it was asked just now (not on replay)."""
        step = self._rows.identify_step(EntryKind.QUESTION, question.name, question.about, key)
        _, request, new = await self._finish_asking(self._ask(step, question))
        return request, new

    async def _finish_asking(self, asking: Coroutine[Any, Any, Asked]) -> Asked:
        """Ask to the end even if the agent stops waiting for it meanwhile."""
        begun = asyncio.ensure_future(asking)
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            self._activity.give_up(self._give_up_asking(begun))
            raise

    async def _ask(self, step: Step, question: Question) -> Asked:
        async with self._activity.in_flight():
            entry = self._rows.find(step.key)
            if entry is None:
                entry, request = await self._rows.write(entries.ask, step, question)
                return self._rows.keep(step, entry), request, True
            if entry.input_digest != step.digest:
                await diverge(self._activity, step.key, entry.input, step.input)
            known = self._rows.decided.get(entries.find_subject(entry))
            return entry, known or await self._rows.write(entries.read_question, entry), False

    async def wait(
        self, model: type[HumanRequest], request_id: Any, timeout: float | None = None
    ) -> Any:
        """Wait for a decision on what this run asked. Costs a row once nothing else happens.

        `timeout` (seconds) brings the question's own deadline forward, once.
        """
        entry = await self._find_asked(model, request_id)
        return await self._repeat_giving_up(entry, lambda: self._take_decision(entry, timeout))

    async def wait_or_leave(
        self, model: type[HumanRequest], request_id: Any, seconds: float
    ) -> Any | None:
        """As wait(); but after so many seconds the agent goes on with None, and the question stays.

        When that is, and how it ended, is journaled: a replay goes the same way.
        Infinity waits as long as it takes. Raises BadInput for what is no number of seconds.
        """
        if not isinstance(seconds, int | float) or seconds != seconds:
            raise BadInput("seconds", f"{quoted(seconds)} is no number of seconds.")
        if seconds > LONGEST_WAIT:
            return await self.wait(model, request_id)
        asked = await self._find_asked(model, request_id)
        about = {"request": entries.find_subject(asked), "seconds": seconds}
        step = self._rows.identify_step(EntryKind.WAIT, asked.name, about)

        async def wait_in_time() -> Any | None:
            return await self._wait_in_time(await self._begin_wait(step, asked, seconds))

        return await self._repeat_giving_up(asked, wait_in_time, step.key)

    async def _begin_wait(self, step: Step, asked: JournalEntry, seconds: float) -> JournalEntry:
        async with self._activity.in_flight():
            entry = self._rows.find(step.key)
            if entry is None:
                begun = await self._rows.write(entries.begin_wait, step, asked, seconds)
                entry = self._rows.keep(step, begun)
            return entry

    async def _find_asked(self, model: type[HumanRequest], request_id: Any) -> JournalEntry:
        """The entry of a question that this run has asked; UnknownId or ValueError otherwise."""
        entry = self._rows.find_question(f"{model._meta.label_lower}:{request_id}")
        if entry is not None:
            return entry
        async with self._activity.in_flight():  # another program's question, or an unknown id
            await self._rows.ask_database(patterns.find_by_model(model).find_by_id, request_id)
        raise ValueError(f"Run {self._rows.hold.run_id} did not ask {model.__name__} {request_id}.")

    async def _repeat_giving_up(
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
        if number in entries.read_given_up(asked):
            await self._activity.park_until_cancelled(asked)
        try:
            return await wait()
        except asyncio.CancelledError:
            self._activity.give_up(self._note_given_up(asked, number, key))
            raise

    async def _take_decision(self, entry: JournalEntry, timeout: float | None) -> Any:
        if timeout is not None and entry.status != Status.DONE:
            async with self._activity.in_flight():
                await self._rows.write(entries.shorten, entry, timeout)
        while True:
            looked = self._activity.pokes
            async with self._activity.in_flight():
                decided = entries.decision_in(self._rows.decided, entry)
                decided = decided or await self._rows.write(entries.take_decision, entry)
            if decided is not None:
                return decided
            await self._activity.park(entry, looked)

    async def _wait_in_time(self, entry: JournalEntry) -> Any | None:
        while True:
            looked = self._activity.pokes
            async with self._activity.in_flight():
                decided = entries.decision_in(self._rows.decided, entry)
                over = decided is not None or entry.status == Status.DONE
                if not over:
                    over, decided = await self._rows.write(entries.end_wait, entry)
            if over:
                return decided
            with self._activity.poke_at(entries.wakes_at(entry)):
                await self._activity.park(entry, looked)

    async def _note_given_up(self, asked: JournalEntry, number: int, key: str = "") -> None:
        """Note that the agent itself stopped this wait; a replay stops the same one."""
        async with self._activity.writing():
            await self._rows.write(entries.give_up, asked, number, key)

    async def _give_up_asking(self, begun: asyncio.Future[Asked]) -> None:
        """It was given up while it was being asked: the wait that would have followed is."""
        await asyncio.wait({begun})  # counted by itself; it may be one that may not go on
        if not begun.cancelled() and begun.exception() is None:
            asked = begun.result()[0]
            await self._note_given_up(asked, self._waits[asked.pk] + 1)
