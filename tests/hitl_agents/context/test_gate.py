"""The gate of a run, as authors use it."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User

from approvals import services
from approvals.gate import gate_named
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from ledger.models import Event
from tests.support import people, sample_agents
from tests.support.driving import again, drive, driven

pytestmark = pytest.mark.django_db(transaction=True)

CALLED: list[int] = []


def call(request: ApprovalRequest) -> None:
    """A sync callback that uses the database, as it may."""
    CALLED.append(services.find_by_id(request.pk).pk)
    raise RuntimeError("what a callback raises changes nothing")


async def calling(task: str, context: RunContext) -> list[str]:
    """Asks twice, one after the other, so that its first question is replayed."""
    gate = context.gate("shapes")
    gate.set_approval_callback(call)
    decided = []
    for what in ("a", "b"):
        request = await gate.request_approval(context.agent_id, "tell", {"what": what}, "high")
        decided.append(str((await gate.wait_for_approval(request.pk)).status))
    return decided


async def keyed(task: str, context: RunContext) -> str:
    """Asks under a key that no database column holds."""
    request = await context.gate("shapes").request_approval(
        context.agent_id, "tell", {}, "high", key="k" * 201
    )
    return str(request.pk)


async def hasty(task: str, context: RunContext) -> str:
    """Gives up on a question while it is still being asked, and goes on."""
    gate = context.gate("shapes")
    asking = asyncio.create_task(gate.request_approval(context.agent_id, "tell", {}, "high"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    await context.now()
    return "went on"


@pytest.fixture
def rita() -> User:
    CALLED.clear()
    people.gate("shapes")
    return people.rita()


def test_the_callback_is_called_once_for_each_request_and_not_on_replay(rita: User) -> None:
    with sample_agents.in_catalogue(calling):
        run = driven("calling")
        for _ in range(2):
            services.approve(ApprovalRequest.objects.get(status="pending").pk, by=rita)
            drive()
    assert again(run).result == ["approved", "approved"]
    asked = ApprovalRequest.objects.order_by("pk").values_list("pk", flat=True)
    assert list(asked) == CALLED


def test_a_question_given_up_while_it_is_asked_is_noted_as_given_up(rita: User) -> None:
    with sample_agents.in_catalogue(hasty):
        run = driven("hasty")
    assert run.result == "went on"
    assert run.journal.get(kind="question").status == "abandoned"


def test_a_key_that_is_too_long_is_refused_with_a_sentence(rita: User) -> None:
    with sample_agents.in_catalogue(keyed):
        run = driven("keyed")
    assert run.status == "failed"
    assert "key: longer than 200 characters" in run.error
    assert not ApprovalRequest.objects.exists()


def test_a_gate_that_an_agent_is_first_to_name_is_in_the_log_with_its_rule(rita: User) -> None:
    gate = gate_named("brand-new")
    event = Event.objects.get(kind="gates.changed", subject=gate.subject)
    assert (event.actor, event.payload["before"]) == ("system", None)
    assert event.payload["after"]["deciders"] == ["Reviewers"]
