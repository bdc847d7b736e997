"""The journal of one run in the hands of one activation: its rows by key, and the writing of more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError

from hitl_agents.journal import entries
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.activity import DatabaseAway
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.entries import Step
from hitl_agents.journal.threads import DatabaseThreads
from ledger import canonical
from ledger.errors import BadInput
from ledger.models import EntryKind, JournalEntry

LONGEST_KEY = 200  # characters of an author's own key, and of a step's name
LONGEST_BASE = 280  # characters of a stored key, before its count
_COUNTED = re.compile(r"#\d+\Z")


class Rows:
    """What steps, questions and actions look up, and how they write. `decided`: see Activation."""

    def __init__(self, activation: Activation, database: DatabaseThreads, claim: Claim) -> None:
        self.hold = activation.hold
        self.claim = claim
        self.decided = activation.decided
        self._database = database
        self._by_key = {entry.key: entry for entry in activation.journal}
        questions = [one for one in activation.journal if one.kind == EntryKind.QUESTION]
        self._questions = {entries.find_subject(entry): entry for entry in questions}
        self._counts: Counter[str] = Counter()

    def identify_step(self, kind: EntryKind, name: str, about: Any, key: str | None = None) -> Step:
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

    def find(self, key: str) -> JournalEntry | None:
        """The entry of that step, if it was begun."""
        return self._by_key.get(key)

    def inputs_of(self, kind: EntryKind) -> list[str]:
        """What the steps of that kind were about when this activation began, oldest first."""
        entries_of_kind = [one for one in self._by_key.values() if one.kind == kind]
        return [one.input for one in sorted(entries_of_kind, key=lambda one: one.pk)]

    def find_question(self, subject: str) -> JournalEntry | None:
        """The entry in which the run asked for that row."""
        return self._questions.get(subject)

    def keep(self, step: Step, entry: JournalEntry) -> JournalEntry:
        """Know that entry from now on as the step's; the entry."""
        self._by_key[step.key] = entry
        if entry.kind == EntryKind.QUESTION:
            self._questions[entries.find_subject(entry)] = entry
        return entry

    async def write(self, function: Callable[..., Any], *args: Any, patiently: bool = False) -> Any:
        """Read or write the journal by a function of a hold; `patiently` tries for longer."""
        return await self.ask_database(function, self.hold, *args, patiently=patiently)

    async def ask_database(
        self, function: Callable[..., Any], *args: Any, patiently: bool = False
    ) -> Any:
        """Use our own database: that it is away is no outcome of the agent's step."""
        await self.claim.stands()
        ask = self._database.call_patiently if patiently else self._database
        try:
            return await ask(function, *args)
        except (OperationalError, InterfaceError) as error:
            raise DatabaseAway(f"The database did not answer: {error}") from error

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Run a sync function, which may use the database, beside the loop."""
        await self.claim.stands()
        return await self._database(function)


def _check(field: str, text: str) -> None:
    """BadInput for what no column of the journal holds."""
    if len(text) > LONGEST_KEY:
        raise BadInput(field, f"longer than {LONGEST_KEY} characters.")
    canonical.canonical(text, field)
