"""The model client of a run: each answer is journaled, so that a replay asks nobody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hitl_agents.context.former_calls import FormerCalls
from hitl_agents.journal.activity import GiveBack
from hitl_agents.journal.journal import Journal
from hitl_agents.journal.steps import StepFailed
from hitl_agents.llm import chat
from hitl_agents.llm.answers import error_in
from hitl_agents.llm.problems import Problem
from ledger.models import EntryKind

MODEL_TRIES = 6  # times that a run reaches for the model in a row, with backoff between them


class BoundModel:
    """The run's model client: `await client.chat.completions.create(model=…, messages=…)`.

    Each answer is journaled under the digest of what was asked, or under `key=`; a replay gets
    the same answer without asking. When the server cannot be reached the run is given back and
    tried again later; an answer that will never come raises ModelError.
    """

    def __init__(self, journal: Journal, client: Any, attempts: int) -> None:
        self.journal = journal
        self._client = client
        self._attempts = attempts
        self._former = FormerCalls(journal.rows.inputs_of(EntryKind.MODEL))
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    async def _create(self, *, key: str | None = None, **asked: Any) -> Any:
        asked = _plain(asked)
        if key is None:
            asked = self._former.take(asked)
        name = str(asked.get("model", "model"))
        try:
            found = await self.journal.remember(
                EntryKind.MODEL, name, asked, lambda: self._call(asked), key
            )
        except StepFailed as error:
            raise chat.ModelError(Problem("rejected", False, str(error))) from error
        return _completion(found)

    async def _call(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = chat.answered(await self._client.chat.completions.create(**asked))
            self._attempts = 0  # as in the run's row once the answer is journaled
            return answer
        except Exception as error:
            problem = chat.classify(error)
        if not problem.retry:
            raise StepFailed(problem.message)
        if self._attempts + 1 >= MODEL_TRIES:
            tries = f"{problem.message} Tried {self._attempts + 1} times; nothing has run since."
            raise StepFailed(tries)
        delay = chat.backoff(self._attempts + 1)
        self.journal.activity.close(GiveBack(delay, problem.message, failed_try=True))
        await self.journal.activity.halt()


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

    if error_in(found) is not None:  # an earlier version took it for an empty answer, and went on
        found = {**found, "error": None, "choices": [{"index": 0, "message": {}}]}
    return ChatCompletion.construct(**found)
