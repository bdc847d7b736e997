"""The run's model client as authors use it."""

from __future__ import annotations

import pytest

from agents.bound import RunContext
from tests import agents_for_tests
from tests.driving import driven

pytestmark = pytest.mark.django_db(transaction=True)


async def conversing(task: str, context: RunContext) -> int:
    """Puts the model's own message object back into the conversation, as the package allows."""
    messages: list[object] = [{"role": "user", "content": task}]
    for _ in range(2):
        answer = await context.model.chat.completions.create(model="demo", messages=messages)
        messages += [answer.choices[0].message, {"role": "user", "content": "And now?"}]
    return len(messages)


def test_messages_may_be_the_objects_that_the_model_answered_with() -> None:
    with agents_for_tests.in_catalogue(conversing):
        run = driven("conversing", "Say hello")
    assert (run.status, run.result, run.error) == ("completed", 5, "")
