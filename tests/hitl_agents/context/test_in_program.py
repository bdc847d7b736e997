"""ApprovalGatedAgent in a program of somebody else's, with whatever client that program has."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import User

from approvals.actions import ActionFailed, OutcomeUnknown
from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest, Gate
from hitl_agents.patterns.gated import ApprovalGatedAgent
from hitl_agents.testing import ScriptedDecider, ScriptedModel, approve, edit, reject, revise, wants
from ledger import leases, tail
from ledger.clock import DbNow
from ledger.errors import BadInput
from ledger.models import JournalEntry, Run
from tests.support import people

pytestmark = pytest.mark.django_db(transaction=True)


class Telling(ApprovalGatedAgent):
    """Its own action is told and noted."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.told: list[Any] = []

    async def _execute(self, action: str, details: Any) -> Any:
        self.told.append(details)
        return {"told": details}


@pytest.fixture(autouse=True)
def rita() -> Any:
    yield people.rita()
    tail.stop()


def saying(text: Any) -> SimpleNamespace:
    """An answer as a program's own stand-in gives it: attributes, and nothing else."""
    message = SimpleNamespace(content=text)
    return SimpleNamespace(choices=[SimpleNamespace(message=message)])


def client(*answers: Any) -> SimpleNamespace:
    create = AsyncMock(side_effect=[saying(one) for one in answers])
    return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))


async def use(agent: ApprovalGatedAgent, details: Any, action: str = "tell") -> dict[str, Any]:
    return await agent.execute_with_approval(action, details)


async def made(model: Any, kind: type[ApprovalGatedAgent] = Telling, name: str = "mine") -> Any:
    return kind("helper", model, await in_thread(ApprovalGate)(name))


async def test_low_runs_at_once_and_is_recorded_as_approved_by_the_rule() -> None:
    agent = await made(client("low"))
    assert await use(agent, {"to": "ana"}) == {
        "status": "completed",
        "action": "tell",
        "result": {"told": {"to": "ana"}},
    }
    request = await in_thread(ApprovalRequest.objects.get)()
    assert (request.status, request.resolution) == ("approved", "rule")
    run = await in_thread(Run.objects.get)()
    assert (run.library, run.status) == (True, "completed")


@pytest.mark.parametrize(
    ("answer", "risk"),
    [(" HIGH\n", "high"), ("Critical", "critical"), ("rather low", "medium"), (None, "medium")],
)
async def test_the_risk_is_one_word_and_anything_else_means_medium(
    answer: Any, risk: str, rita: User
) -> None:
    agent = await made(client(answer))
    with await decider(rita, approve()) as decided:
        assert (await use(agent, {}))["status"] == "completed"
    assert decided.decided[0].risk_level == risk


async def decider(rita: User, *script: Any) -> ScriptedDecider:
    return await sync_to_async(ScriptedDecider)(rita, *script)


async def test_a_mock_as_client_is_read_by_its_attributes() -> None:
    answer = MagicMock()
    answer.choices = [MagicMock()]
    answer.choices[0].message.content = "low"
    model = MagicMock()
    model.chat.completions.create = AsyncMock(return_value=answer)
    agent = await made(model)
    assert (await use(agent, {"a": 1}))["status"] == "completed"
    assert agent.told == [{"a": 1}]


async def test_without_assessment_it_is_medium_and_the_model_is_not_asked(rita: User) -> None:
    model = client()
    agent = await made(model)
    agent.risk_assessment_enabled = False
    with await decider(rita, approve()) as decided:
        await use(agent, {})
    assert decided.decided[0].risk_level == "medium"
    assert not model.chat.completions.create.called


async def test_a_rejection_returns_the_reason_and_runs_nothing(rita: User) -> None:
    agent = await made(client("medium"))
    with await decider(rita, reject("Not to her.")):
        assert await use(agent, {}) == {"status": "rejected", "reason": "Not to her."}
    assert agent.told == []


async def test_a_revision_is_asked_again_with_the_models_new_arguments(rita: User) -> None:
    agent = await made(client("medium", 'Here: {"to": "bob"}'))
    with await decider(rita, revise("To Bob."), approve()) as decided:
        assert (await use(agent, {"to": "ana"}))["result"] == {"told": {"to": "bob"}}
    first, second = decided.decided
    assert (second.previous_id, second.revision) == (first.pk, 2)
    prompt = agent.llm_client.chat.completions.create.call_args.kwargs["messages"][-1]["content"]
    assert json.loads(prompt)["feedback"] == "To Bob."


async def test_a_revision_may_come_as_a_tool_call(rita: User) -> None:
    agent = await made(ScriptedModel("medium", wants(("tell", {"to": "bob"}))))
    with await decider(rita, revise("To Bob."), approve()):
        await use(agent, {"to": "ana"})
    assert agent.told == [{"to": "bob"}]


async def test_an_unreadable_revision_is_asked_for_once_more(rita: User) -> None:
    agent = await made(client("medium", "I would rather not say.", '{"to": "bob"}'))
    with await decider(rita, revise("To Bob."), approve()):
        await use(agent, {"to": "ana"})
    assert agent.told == [{"to": "bob"}]


async def test_two_unreadable_revisions_reject(rita: User) -> None:
    agent = await made(client("medium", "hm", "hm"))
    with await decider(rita, revise("To Bob.")):
        ended = await use(agent, {"to": "ana"})
    assert ended["status"] == "rejected"
    assert "To Bob." in ended["reason"]
    assert agent.told == []


async def test_after_five_revisions_it_is_rejected_with_that_reason(rita: User) -> None:
    answers = [json.dumps({"n": number}) for number in range(1, 6)]
    agent = await made(client("medium", *answers))
    with await decider(rita, *[revise("Again.") for _ in range(6)]) as decided:
        ended = await use(agent, {"n": 0})
    assert ended["status"] == "rejected"
    assert "5 revisions" in ended["reason"]
    assert [request.details["n"] for request in decided.decided] == [0, 1, 2, 3, 4, 5]
    assert agent.told == []


async def test_what_the_reviewer_wrote_is_what_runs(rita: User) -> None:
    agent = await made(client("medium"))
    with await decider(rita, edit({"to": "carla"})):
        await use(agent, {"to": "ana"})
    assert agent.told == [{"to": "carla"}]


async def test_an_unregistered_action_of_the_class_itself_is_refused_and_not_asked() -> None:
    agent = await made(client("low"), ApprovalGatedAgent)
    with pytest.raises(BadInput, match="send_email"):
        await use(agent, {}, "no_such_action")
    assert not await in_thread(ApprovalRequest.objects.exists)()


async def test_a_gate_with_a_high_threshold_lets_medium_run_at_once() -> None:
    await in_thread(people.gate)("mine")
    await in_thread(Gate.objects.filter(name="mine").update)(risk_threshold="high")
    agent = await made(client("medium"))
    assert (await use(agent, {}))["status"] == "completed"


class Raising(ApprovalGatedAgent):
    error: BaseException = ActionFailed("The mailbox is full.")

    async def _execute(self, action: str, details: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "entry"),
    [
        (ActionFailed("The mailbox is full."), "failed", "failed"),
        (ValueError("a bug"), "failed", "failed"),
        (OutcomeUnknown("No answer came."), "in_doubt", "started"),
    ],
)
async def test_an_error_reaches_the_program_and_the_run_says_what_is_known(
    error: Exception, status: str, entry: str
) -> None:
    agent = await made(client("low"), Raising)
    agent.error = error
    with pytest.raises(type(error), match=str(error)):
        await use(agent, {})
    run = await in_thread(Run.objects.get)()
    assert run.status == status
    action = await in_thread(JournalEntry.objects.get)(kind="action")
    assert action.status == entry
    if status == "in_doubt":
        assert (run.doubt or {})["why"] == "No answer came."


async def test_a_program_that_cuts_an_action_short_leaves_its_run_in_doubt() -> None:
    begun = asyncio.Event()

    class Endless(ApprovalGatedAgent):
        async def _execute(self, action: str, details: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

    agent = await made(client("low"), Endless)
    task = asyncio.create_task(use(agent, {}))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await in_thread(Run.objects.get)()).status == "in_doubt"


def gone(kind: str, status: str) -> Run:
    """A run of a program that died, with that in its journal."""
    run = leases.start_library("helper", "host-1-library", 15)
    now = run.created_at
    run.journal.create(key="k", kind=kind, name="tell", status=status, fence=1, started_at=now)
    Run.objects.filter(pk=run.pk).update(lease_until=DbNow() - timedelta(seconds=1))
    return run


@pytest.mark.parametrize(
    ("kind", "status", "ends"),
    [
        ("action", "started", "in_doubt"),
        ("action", "done", "failed"),
        ("question", "started", "failed"),
    ],
)
def test_when_its_program_dies_a_runner_notices(kind: str, status: str, ends: str) -> None:
    run = gone(kind, status)
    assert leases.sweep_library() == 1
    assert leases.sweep_library() == 0
    run.refresh_from_db()
    assert run.status == ends


def test_a_program_that_is_alive_is_left_alone() -> None:
    leases.start_library("helper", "host-1-library", 15)
    assert leases.sweep_library() == 0
