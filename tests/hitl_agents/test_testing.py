"""The helpers for authors of agents: the scripted model and the scripted decider."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from approvals import services
from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest
from hitl_agents.llm.answers import read
from hitl_agents.llm.chat import as_dict
from hitl_agents.patterns.gated import ApprovalGatedAgent
from hitl_agents.testing import (
    Decision,
    ScriptedDecider,
    ScriptedModel,
    approve,
    cut_off,
    edit,
    refuses,
    reject,
    revise,
    wants,
)
from ledger.errors import BadInput, NotAllowed
from tests.support import people


async def said(model: ScriptedModel, **asked: Any) -> dict[str, Any]:
    return as_dict(await model.chat.completions.create(model="m", messages=[], **asked))


# ---- The model ------------------------------------------------------------------------------


async def test_the_model_says_what_the_script_says_in_order() -> None:
    model = ScriptedModel("low", wants(("send_email", {"to": "a@b.org"}), said="Mailing."))
    assert read(await said(model)).text == "low"
    answer = await said(model)
    assert read(answer).text == "Mailing."
    assert [(call.name, call.arguments) for call in read(answer).calls] == [
        ("send_email", {"to": "a@b.org"})
    ]
    assert model.left == 0


async def test_the_answers_are_the_openai_packages_objects() -> None:
    model = ScriptedModel(wants(("a", {})))
    response = await model.chat.completions.create(model="m", messages=[])
    assert response.choices[0].message.tool_calls[0].function.name == "a"
    assert response.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuses("No."), "refused"),
        (cut_off("Half"), "cut_off"),
        (wants(("a", '{"broken')), "malformed"),
        ("", "malformed"),
    ],
)
async def test_the_model_can_give_answers_that_are_no_use(answer: Any, kind: str) -> None:
    problem = read(await said(ScriptedModel(answer))).problem
    assert problem is not None
    assert problem.kind == kind


@pytest.mark.parametrize("error", [ConnectionError, ConnectionError("down")])
async def test_the_model_can_fail(error: Any) -> None:
    model = ScriptedModel(error, "better now")
    with pytest.raises(ConnectionError):
        await said(model)
    assert read(await said(model)).text == "better now"


async def test_the_model_can_answer_what_was_asked() -> None:
    model = ScriptedModel(then=lambda asked: asked["about"].upper())
    assert read(await said(model, about="x")).text == "X"
    assert read(await said(model, about="y")).text == "Y"


async def test_what_was_asked_is_recorded() -> None:
    model = ScriptedModel("a", "b")
    await said(model, temperature=0)
    await said(model, temperature=1)
    assert [call["temperature"] for call in model.calls] == [0, 1]


async def test_a_script_that_is_used_up_says_so() -> None:
    model = ScriptedModel("a")
    await said(model)
    with pytest.raises(AssertionError, match="no answer to call 2"):
        await said(model)


# ---- The decider, called --------------------------------------------------------------------


@pytest.mark.django_db
def test_pending_requests_are_decided_by_the_script_oldest_first() -> None:
    asked = [people.asked() for _ in range(4)]
    decider = ScriptedDecider(
        people.rita(), approve(), reject("No."), revise("Shorter."), edit({"to": "bob"}, "Bob.")
    )
    assert decider.decide_pending() == 4
    rows = [services.find_by_id(request.pk) for request in asked]
    assert [row.status for row in rows] == [
        "approved",
        "rejected",
        "needs_revision",
        "needs_revision",
    ]
    assert [row.feedback for row in rows] == ["", "No.", "Shorter.", "Bob."]
    edited = decider.decided[3]
    assert (edited.status, edited.details, edited.previous) == ("approved", {"to": "bob"}, rows[3])
    assert decider.left == 0


@pytest.mark.django_db
def test_beyond_the_script_requests_stay_pending() -> None:
    for _ in range(3):
        people.asked()
    decider = ScriptedDecider("rita", approve())
    people.rita()
    assert decider.decide_pending() == 1
    assert decider.decide_pending() == 0
    assert ApprovalRequest.objects.filter(status="pending").count() == 2


@pytest.mark.django_db
def test_a_function_decides_by_the_request_and_may_leave_it_pending() -> None:
    def by_action(request: ApprovalRequest) -> Decision | None:
        return {"mail": approve(), "delete": reject("Never.")}.get(request.action)

    wanted = {action: people.asked(action=action) for action in ("mail", "other", "delete")}
    decider = ScriptedDecider(people.rita(), then=by_action)
    assert decider.decide_pending() == 2
    status = {action: services.find_by_id(row.pk).status for action, row in wanted.items()}
    assert status == {"mail": "approved", "other": "pending", "delete": "rejected"}


@pytest.mark.django_db
def test_what_the_gate_refuses_a_person_is_refused_here_too() -> None:
    people.asked()
    with pytest.raises(NotAllowed):
        ScriptedDecider(people.otto(), approve()).decide_pending()
    with pytest.raises(BadInput):
        ScriptedDecider(people.rita(), reject("")).decide_pending()


# ---- The decider, following -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_decider_decides_what_waits_already_and_what_comes_in() -> None:
    rita, second = people.rita(), threading.Event()

    def last(request: ApprovalRequest) -> Decision:
        second.set()
        return approve()

    people.asked()
    with ScriptedDecider(rita, approve(), last) as decider:
        people.asked()
        assert second.wait(20)
    assert [request.status for request in decider.decided] == ["approved", "approved"]


@pytest.mark.django_db(transaction=True)
def test_what_went_wrong_meanwhile_is_raised_at_the_end() -> None:
    otto, tried = people.otto(), threading.Event()

    def decision(request: ApprovalRequest) -> Decision:
        tried.set()
        return approve()

    people.asked()
    decider = ScriptedDecider(otto, decision).__enter__()
    assert tried.wait(20)
    with pytest.raises(NotAllowed):
        decider.__exit__(None, None, None)


@pytest.fixture
async def connection_given_back() -> AsyncIterator[None]:
    """Of the thread that the gate's queries run in; the test's database is dropped after it."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("connection_given_back")
async def test_an_agent_is_tested_with_both_and_nothing_else() -> None:
    """The example of the documentation: a revision, then approval, then the action has run."""
    rita = await sync_to_async(people.rita)()
    gate = await sync_to_async(ApprovalGate)("mail")
    first = {"to": "ana@example.org", "subject": "Hello", "body": "A long text."}
    model = ScriptedModel("medium", wants(("send_email", {**first, "body": "Short."})))
    agent = ApprovalGatedAgent("writer", model, gate)
    with ScriptedDecider(rita, revise("Shorter, please."), approve()) as decider:
        async with asyncio.timeout(30):
            answer = await agent.execute_with_approval("send_email", first)
    assert answer["status"] == "completed"
    assert [request.details["body"] for request in decider.decided] == ["A long text.", "Short."]
    assert "Shorter, please." in model.calls[1]["messages"][-1]["content"]
