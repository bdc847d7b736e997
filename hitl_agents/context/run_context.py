"""The context of an agent in the runner: everything it does that must not be done twice."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from hitl_agents.context.gate import BoundGate
from hitl_agents.context.manager import BoundManager
from hitl_agents.context.model import BoundModel
from hitl_agents.context.queue import BoundQueue
from hitl_agents.journal.journal import Journal
from ledger.models import EntryKind, Run


class RunContext:
    """Everything that an agent function is given: `async def agent(task, context) -> JSON`."""

    def __init__(self, run: Run, journal: Journal, client: Any) -> None:
        self.run_id: int = run.pk
        self.agent_id: str = run.agent_id
        self.task: str = run.task
        self.input: Any = run.input
        self.journal = journal
        self.model = BoundModel(journal, client, run.attempts)
        self.escalations = BoundManager(journal)

    def gate(self, name: str, risk_threshold: str = "medium") -> BoundGate:
        """The gate of that name; `risk_threshold` counts only if there is no such gate yet."""
        return BoundGate(self.journal, name, risk_threshold)

    def queue(self) -> BoundQueue:
        """The review queue: outputs that a person looks at before they are used."""
        return BoundQueue(self.journal)

    async def read(
        self, name: str, function: Callable[[], Any | Awaitable[Any]], key: str | None = None
    ) -> Any:
        """Something that may change under the agent, read once: the journal answers replays.

        `function` is sync (then it runs in a thread) or async, and returns JSON.
        """

        async def call() -> Any:
            if inspect.iscoroutinefunction(function):
                return await function()
            return await self.journal.in_thread(function)

        return await self.journal.remember(EntryKind.READ, name, {"name": name}, call, key)

    async def now(self) -> datetime:
        """The time when the run first came here."""
        text = await self.read("now", lambda: timezone.now().isoformat())
        return datetime.fromisoformat(text)

    async def random(self) -> float:
        """A number from 0 to 1, the same on each replay."""
        return float(await self.read("random", random.random))
