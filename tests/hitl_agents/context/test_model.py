"""The run's model client as authors use it."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_agents.context import model
from hitl_agents.context.run_context import RunContext
from hitl_agents.llm import chat
from hitl_agents.runner import model_client
from hitl_agents.testing import ScriptedModel
from ledger.models import Event
from tests.support import sample_agents
from tests.support.driving import driven

pytestmark = pytest.mark.django_db(transaction=True)

DOWN = ConnectionError("refused")


async def conversing(task: str, context: RunContext) -> int:
    """Puts the model's own message object back into the conversation, as the package allows."""
    messages: list[object] = [{"role": "user", "content": task}]
    for _ in range(2):
        answer = await context.model.chat.completions.create(model="demo", messages=messages)
        messages += [answer.choices[0].message, {"role": "user", "content": "And now?"}]
    return len(messages)


def test_messages_may_be_the_objects_that_the_model_answered_with() -> None:
    with sample_agents.in_catalogue(conversing):
        run = driven("conversing", "Say hello")
    assert (run.status, run.result, run.error) == ("completed", 5, "")


# ---- A model that comes and goes


class Flaky(ScriptedModel):
    """A model client that the runner may close."""

    async def close(self) -> None:
        """Nothing is open."""


def says(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> Flaky:
    """The runner's model answers so, one after the other, and nobody waits between two tries."""
    client = Flaky(*answers)
    monkeypatch.setattr(model_client, "make_client", lambda: client)
    monkeypatch.setattr(chat, "backoff", lambda attempt: 0.0)
    return client


def test_an_answer_ends_the_row_of_failed_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    one_too_few = [DOWN] * (model.MODEL_TRIES - 1)
    says(monkeypatch, *one_too_few, "Hello.", *one_too_few, "Hello again.")
    with sample_agents.in_catalogue(conversing):
        run = driven("conversing", "Say hello")
    assert (run.status, run.result, run.attempts) == ("completed", 5, 0)
    given_back = Event.objects.filter(run=run, kind="runs.requeued").count()
    assert given_back == 2 * len(one_too_few)


def test_as_many_failed_tries_in_a_row_as_are_allowed_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = says(monkeypatch, DOWN, "Hello.", *[DOWN] * model.MODEL_TRIES)
    with sample_agents.in_catalogue(conversing):
        run = driven("conversing", "Say hello")
    assert run.status == "failed"
    assert f"Tried {model.MODEL_TRIES} times" in run.error
    assert len(client.calls) == model.MODEL_TRIES + 2
