"""What an agent in the runner is handed: a model client and gates that go through the journal."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from agents import model
from agents.answers import Problem
from agents.entries import Question
from agents.journal import GiveBack, Journal, StepFailed
from approvals.gate import Callback, call_back
from approvals.models import ApprovalRequest
from ledger.models import EntryKind, Run
from ledger.risk import RiskLevel

MODEL_TRIES = 6  # times that a run reaches for the model in a row, with backoff between them


class BoundModel:
    """The run's model client: `await client.chat.completions.create(model=…, messages=…)`.

    Each answer is journaled under the digest of what was asked, or under `key=`; a replay gets
    the same answer without asking. When the server cannot be reached the run is given back and
    tried again later; an answer that will never come raises ModelError.
    """

    def __init__(self, journal: Journal, client: Any, attempts: int) -> None:
        self._journal = journal
        self._client = client
        self._attempts = attempts
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    async def _create(self, *, key: str | None = None, **asked: Any) -> Any:
        name = str(asked.get("model", "model"))
        asked = _plain(asked)
        try:
            found = await self._journal.remember(
                EntryKind.MODEL, name, asked, lambda: self._call(asked), key
            )
        except StepFailed as error:
            raise model.ModelError(Problem("rejected", False, str(error))) from error
        return _completion(found)

    async def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return model.as_dict(await self._client.chat.completions.create(**asked))
        except Exception as error:
            problem = model.classify(error)
        if not problem.retry:
            raise StepFailed(problem.message)
        if self._attempts + 1 >= MODEL_TRIES:
            tries = f"{problem.message} Tried {self._attempts + 1} times; nothing has run since."
            raise StepFailed(tries)
        delay = model.backoff(self._attempts + 1)
        self._journal.close(GiveBack(delay, problem.message, failed_try=True))
        await self._journal.never()


def _plain(value: Any) -> Any:
    """The request as JSON: authors put the package's own message objects into `messages`."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _completion(found: dict[str, Any]) -> Any:
    """The journaled answer as the openai package's object, as the author expects it."""
    from openai.types.chat import ChatCompletion

    return ChatCompletion.construct(**found)


class BoundGate:
    """A gate inside a run: it asks and waits through the journal. It cannot decide."""

    def __init__(self, journal: Journal, name: str, risk_threshold: str = "medium") -> None:
        self.name = name
        self.risk_threshold = str(RiskLevel.parse(risk_threshold, "risk_threshold"))
        self.journal = journal
        self._callback: Callback | None = None

    def set_approval_callback(self, callback: Callback | None) -> None:
        """Have `callback(request)` (async or sync) called once for each request, not on replay."""
        self._callback = callback

    async def request_approval(
        self,
        agent_id: str,
        action: str,
        details: Any,
        risk_level: Any = "medium",
        *,
        key: str | None = None,
    ) -> ApprovalRequest:
        """Ask, once in the life of the run. `key` names the question where its details may vary.

        Raises BadInput as ApprovalGate.request_approval does.
        """
        threshold = self.risk_threshold
        question = Question(self.name, threshold, agent_id, action, details, risk_level)
        return await self.ask(question, key)

    async def ask(self, question: Question, key: str | None = None) -> ApprovalRequest:
        """request_approval() with everything that a question can carry."""
        request, new = await self.journal.ask(question, key)
        if new:
            async with self.journal.in_flight():  # the run does not suspend in the middle of it
                await call_back(self._callback, request)
        return request

    async def wait_for_approval(
        self, request_id: Any, timeout: float | None = None
    ) -> ApprovalRequest:
        """Wait for the decision; the run costs nothing meanwhile and survives every restart.

        `timeout` (seconds) may shorten the gate's deadline once; without it that deadline counts.
        """
        return await self.journal.wait(request_id, timeout)


class RunContext:
    """Everything that an agent function is given: `async def agent(task, context) -> JSON`."""

    def __init__(self, run: Run, journal: Journal, client: Any) -> None:
        self.run_id: int = run.pk
        self.agent_id: str = run.agent_id
        self.task: str = run.task
        self.input: Any = run.input
        self.journal = journal
        self.model = BoundModel(journal, client, run.attempts)

    def gate(self, name: str, risk_threshold: str = "medium") -> BoundGate:
        """The gate of that name; `risk_threshold` counts only if there is no such gate yet."""
        return BoundGate(self.journal, name, risk_threshold)

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
