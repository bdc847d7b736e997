"""The steps of one activation: each is found in the journal by what it is, or made and noted."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from hitl_agents.journal import entries
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.activity import Activity, DatabaseAway, Doubt
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.entries import Status, Step
from hitl_agents.journal.threads import DatabaseThreads
from ledger import canonical
from ledger.errors import BadInput
from ledger.models import EntryKind, JournalEntry, Run

LONGEST_KEY = 200  # characters of an author's own key, and of a step's name
LONGEST_BASE = 280  # characters of a stored key, before its count
_COUNTED = re.compile(r"#\d+\Z")


class StepFailed(Exception):
    """A step ended with an error that is journaled: a replay meets the same."""


class Steps(Activity):
    """What the journal knows, and steps without an effect outside."""

    def __init__(
        self, activation: Activation, database: DatabaseThreads, claim: Claim | None = None
    ) -> None:
        super().__init__()
        self.hold = activation.hold
        self.claim = claim or Claim(stands=True)
        self._decided = activation.decided
        self._database = database
        self._entries = {entry.key: entry for entry in activation.journal}
        self._counts: Counter[str] = Counter()

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
        step = self.step_for(kind, name, about, key)
        return await self._unless_left(step, lambda: self._remember(step, call))

    async def _remember(self, step: Step, call: Callable[[], Awaitable[Any]]) -> Any:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is not None:
                await self._note_change(entry, step)
                if entry.status == Status.FAILED:
                    raise StepFailed(entry.error)
                return entry.result
            await self.claim.stands()  # a model is not asked for a run that may not be ours
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

    async def write(self, name: str, about: Any, function: Callable[[Run, str], Any]) -> Any:
        """What a sync function wrote to this database, once: `function(run, key)` returns JSON.

        It runs in the transaction of its journal entry, so that a replay finds both or neither;
        `about` (JSON) tells it from others of that name.
        """
        step = self.step_for(EntryKind.READ, name, about)
        return await self._unless_left(step, lambda: self._write(step, function))

    async def _write(self, step: Step, function: Callable[[Run, str], Any]) -> Any:
        async with self.in_flight():
            entry = self._entries.get(step.key)
            if entry is None:
                started = timezone.now()
                entry = await self._db(entries.note_written, step, function, started)
                self._entries[step.key] = entry
            return entry.result

    async def _unless_left(self, step: Step, do: Callable[[], Awaitable[Any]]) -> Any:
        """What `do()` returns; or, where the agent stopped waiting for this step, a wait that it
        stops again. Otherwise a step that is done meanwhile would lead a replay the other way.
        """
        left = self._entries.get(entries.left_key(step.key))
        if left is not None:
            await self._park(left, self._given_up)  # its canceller cancels it again
        try:
            return await do()
        except asyncio.CancelledError:
            if self.latch is None and left is None:
                self._giving_up_on(self._leave(step))
            raise

    async def _leave(self, step: Step) -> None:
        async with self._counted():
            await self._db(entries.note_left, step)

    async def _note_change(self, entry: JournalEntry, step: Step) -> None:
        """An explicit key keeps its answer although what was asked has changed; say so."""
        if entry.input_digest != step.digest and not entry.note:
            await self._db(entries.add_note, entry, "kept: what was asked has changed since")

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Run a sync function, which may use the database, beside the loop."""
        await self.claim.stands()
        return await self._database(function)

    async def _db(self, function: Callable[..., Any], *args: Any) -> Any:
        """Read or write the journal."""
        return await self._ours(function, self.hold, *args)

    async def _ours(self, function: Callable[..., Any], *args: Any, patiently: bool = False) -> Any:
        """Use our own database: that it is away is no outcome of the agent's step."""
        await self.claim.stands()
        ask = self._database.patiently if patiently else self._database
        try:
            return await ask(function, *args)
        except (OperationalError, InterfaceError) as error:
            raise DatabaseAway(f"The database did not answer: {error}") from error

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
