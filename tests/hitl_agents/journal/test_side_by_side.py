"""What an agent does side by side: on a replay each step meets its own answer, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from approvals import services
from approvals.models import Gate
from hitl_agents.context.run_context import RunContext
from hitl_agents.patterns.escalating import EscalatingAgent
from hitl_agents.patterns.interactive import InteractiveAgent
from hitl_agents.prompts import shared
from plans import services as plans
from plans.models import Plan
from tests.support import people, sample_agents
from tests.support.driving import again, approve_all, drive, driven, pending
from tests.support.sample_agents import EFFECTS, Counting

pytestmark = pytest.mark.django_db(transaction=True)

STARTED: list[str] = []


def in_turn(*names: str) -> list[str]:
    """These the first time, and the other way round on each replay."""
    STARTED.append("")
    return list(names) if len(STARTED) == 1 else list(reversed(names))


async def two_gates(task: str, context: RunContext) -> Any:
    """The same question at two gates."""
    asked = {}
    for name in in_turn("legal", "finance"):
        request = await context.gate(name).request_approval("bot", "tell", {}, "high")
        asked[name] = request.pk
    return {
        name: str((await context.gate(name).wait_for_approval(asked[name])).status)
        for name in sorted(asked)
    }


async def two_agents(task: str, context: RunContext) -> Any:
    """The same question of two agents."""
    gate = context.gate("shapes")
    asked = {}
    for name in in_turn("first", "second"):
        asked[name] = (await gate.request_approval(name, "tell", {}, "high")).pk
    return {name: str((await gate.wait_for_approval(asked[name])).status) for name in sorted(asked)}


async def two_thresholds(task: str, context: RunContext) -> Any:
    """Two agents that are sure from different shares on."""
    own = {"bold": 0.5, "careful": 0.9}
    found = {}
    for name in in_turn(*own):
        agent = EscalatingAgent(name, context.model, context.escalations, own[name])
        found[name] = await agent._needed()
    await Counting(context).do("it")
    return found


async def one_step(task: str, context: RunContext) -> Any:
    """A plan, and then a step that is none of it."""
    agent = InteractiveAgent(context.agent_id, context.model)
    await agent.propose_plan("Prepare the monthly report")
    return (await agent.execute_step("Email a reminder to ana@example.org"))["result"]


async def trusting(task: str, context: RunContext) -> Any:
    """Asks at a gate of its own, which nobody has set up, from a critical risk on."""
    agent = Counting(context)
    agent.approval_gate = context.gate("brand-new", risk_threshold="critical")
    return await agent.do("it")


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    STARTED.clear()
    EFFECTS.clear()
    mine = (two_gates, two_agents, two_thresholds, one_step, trusting)
    with sample_agents.in_catalogue(*mine):
        yield


@pytest.fixture
def rita() -> User:
    for name in ("legal", "finance", "shapes", "interactive"):
        people.gate(name)
    return people.rita()


@pytest.mark.parametrize(
    ("agent", "approved", "rejected"),
    [("two_gates", "legal", "finance"), ("two_agents", "first", "second")],
)
def test_two_who_ask_the_same_do_not_swap_their_answers(
    rita: User, agent: str, approved: str, rejected: str
) -> None:
    run = driven(agent)
    for request in pending(run):
        if approved in (request.gate.name, request.agent_id):
            services.approve(request.pk, by=rita)
        else:
            services.reject(request.pk, by=rita, feedback="No.")
    drive()
    assert again(run).result == {approved: "approved", rejected: "rejected"}


def test_two_agents_keep_their_own_thresholds(rita: User) -> None:
    run = driven("two_thresholds")
    approve_all(run, rita)
    drive()
    assert again(run).result == {"bold": 0.5, "careful": 0.9}


def test_what_people_say_of_the_plan_meanwhile_does_not_change_a_step_under_way(rita: User) -> None:
    asked = []
    for said in ("", "Short, please."):
        run = driven("one_step")
        if said:
            plans.comment(Plan.objects.get(run=run).pk, "s1", said, by=rita)
        approve_all(run, rita)
        drive()
        assert (again(run).status, again(run).error) == ("completed", "")
        asked.append(run.journal.filter(kind="model").count())
    assert asked[0] == asked[1], "on the replay the model was asked something else"


def test_a_gate_that_is_made_by_being_asked_at_has_the_threshold_it_was_given(rita: User) -> None:
    run = driven("trusting")
    assert (again(run).status, EFFECTS["it"]) == ("completed", 1)
    assert Gate.objects.get(name="brand-new").risk_threshold == "critical"


def test_a_prompt_is_the_same_in_whatever_order_the_database_keeps_what_it_tells() -> None:
    """PostgreSQL orders the names in JSON by itself; another prompt would be another question."""
    one, other = {"to": "ana", "body": "Hello."}, {"body": "Hello.", "to": "ana"}
    assert shared.assess_risk("tell", one) == shared.assess_risk("tell", other)
    assert shared.revise("tell", one, "No.", []) == shared.revise("tell", other, "No.", [])
    assert shared.as_json(one) == shared.as_json(other)
