"""Steps without an effect outside: each is found in the journal by what it is, or made and noted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import timezone

from hitl_agents.journal import entries
from hitl_agents.journal.activity import Activity
from hitl_agents.journal.entries import Status, Step
from hitl_agents.journal.rows import Rows
from ledger.models import EntryKind, JournalEntry, Run


class StepFailed(Exception):
    """A step ended with an error that is journaled: a replay meets the same."""


class Steps:
    """Model calls, readings, and writings to our own database."""

    def __init__(self, activity: Activity, rows: Rows) -> None:
        self._activity = activity
        self._rows = rows

    async def remember(
        self,
        kind: EntryKind,
        name: str,
        about: Any,
        call: Callable[[], Awaitable[Any]],
        key: str | None = None,
    ) -> Any:
        """The journaled result of a step without outside effect; made by `call` the first time."""
        step = self._rows.identify_step(kind, name, about, key)
        return await self.repeat_giving_up(step, lambda: self._remember(step, call))

    async def _remember(self, step: Step, call: Callable[[], Awaitable[Any]]) -> Any:
        async with self._activity.in_flight():
            entry = self._rows.find(step.key)
            if entry is not None:
                await self._note_change(entry, step)
                if entry.status == Status.FAILED:
                    raise StepFailed(entry.error)
                return entry.result
            # A model is not asked for a run that may not be ours.
            await self._rows.claim.stands()
            started = timezone.now()  # for the page; nothing is decided by it
            try:
                result = await call()
            except StepFailed as error:
                failed = await self._rows.write(entries.note_failed, step, str(error), started)
                self._rows.keep(step, failed)
                raise
            done = await self._rows.write(entries.note_done, step, result, started)
            return self._rows.keep(step, done).result  # as a replay will have it

    async def read(self, name: str, function: Callable[[], Any], key: str) -> Any:
        """What a function found in our database when the run first came here; a replay too."""

        async def call() -> Any:
            return await self._rows.ask_database(function)

        return await self.remember(EntryKind.READ, name, {"key": key}, call, key)

    async def write(self, name: str, about: Any, function: Callable[[Run, str], Any]) -> Any:
        """What a sync function wrote to this database, once: `function(run, key)` returns JSON.

        It runs in the transaction of its journal entry, so that a replay finds both or neither;
        `about` (JSON) tells it from others of that name.
        """
        step = self._rows.identify_step(EntryKind.READ, name, about)
        return await self.repeat_giving_up(step, lambda: self._write(step, function))

    async def _write(self, step: Step, function: Callable[[Run, str], Any]) -> Any:
        async with self._activity.in_flight():
            entry = self._rows.find(step.key)
            if entry is None:
                started = timezone.now()
                written = await self._rows.write(entries.note_written, step, function, started)
                entry = self._rows.keep(step, written)
            return entry.result

    async def repeat_giving_up(self, step: Step, do: Callable[[], Awaitable[Any]]) -> Any:
        """What `do()` returns; or, where the agent stopped waiting for this step, a wait that it
        stops again. Otherwise a step that is done meanwhile would lead a replay the other way.
        """
        left = self._rows.find(entries.make_left_key(step.key))
        if left is not None:
            await self._activity.park_until_cancelled(left)
        try:
            return await do()
        except asyncio.CancelledError:
            if left is None:
                self._activity.give_up(self._note_left(step))
            raise

    async def _note_left(self, step: Step) -> None:
        async with self._activity.writing():
            await self._rows.write(entries.note_left, step)

    async def _note_change(self, entry: JournalEntry, step: Step) -> None:
        """An explicit key keeps its answer although what was asked has changed; say so."""
        if entry.input_digest != step.digest and not entry.note:
            await self._rows.write(
                entries.add_note, entry, "kept: what was asked has changed since"
            )
