"""The agent that asks when it is not sure: in a run, and in a program of somebody else's."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from escalations import services, thresholds
from escalations.handlers import handling
from escalations.knowledge import answers
from escalations.manager import EscalationManager
from escalations.models import Escalation
from hitl_agents.context.run_context import RunContext
from hitl_agents.llm.chat import ModelError
from hitl_agents.patterns.escalating import EscalatingAgent
from hitl_agents.testing import ScriptedModel, refuses
from ledger.errors import BadInput
from ledger.models import Event
from ledger.requests import deadlines
from tests.hitl_agents.llm.test_model_client import status_error
from tests.support import people, sample_agents
from tests.support.driving import again, drive, driven
from tests.support.escalated import QUESTION, answered

pytestmark = pytest.mark.django_db(transaction=True)

CALLS: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def rita() -> User:
    CALLS.clear()
    return people.rita()


def structured(answer: str, confidence: Any) -> str:
    return json.dumps({"answer": answer, "confidence": confidence})


# ---- In a run


def test_a_run_asks_a_person_and_goes_on_with_the_answer(rita: User) -> None:
    run = driven("escalating", QUESTION)
    assert run.status == "waiting"
    escalation = Escalation.objects.get()
    assert escalation.reason == "Low confidence (35%) on task"
    assert set(escalation.context) == {"task", "attempted_response", "confidence"}
    services.answer(escalation.pk, by=rita, answer="Ten percent, as for books.")
    drive()
    assert again(run).result == {
        "status": "completed_with_help",
        "result": "Ten percent, as for books.",
        "escalation": {
            "status": "answered",
            "escalation_id": escalation.pk,
            "answer": "Ten percent, as for books.",
            "reviewer": "rita",
        },
    }
    assert Escalation.objects.get().delivered_at is not None


def test_what_it_is_sure_about_never_reaches_a_person() -> None:
    run = driven("escalating", "What is 17 * 23?")
    assert run.result == {"status": "completed", "result": "391", "confidence": 0.97}
    assert not Escalation.objects.exists()


def test_dismissed_it_goes_on_as_uncertain_with_its_attempt(rita: User) -> None:
    run = driven("escalating", QUESTION)
    escalation = Escalation.objects.get()
    services.dismiss(escalation.pk, by=rita, feedback="Nobody knows.")
    drive()
    result = again(run).result
    assert isinstance(result, dict)
    assert (result["status"], result["confidence"]) == ("uncertain", 0.35)
    assert result["result"] == escalation.attempt
    assert result["escalation"]["status"] == "dismissed"
    assert result["escalation"]["feedback"] == "Nobody knows."


def test_expired_it_goes_on_as_uncertain_too() -> None:
    thresholds.create(by=people.root(), type="low_confidence", confidence=0.7, deadline_seconds=1)
    run = driven("escalating", QUESTION)
    while again(run).status == "waiting":
        deadlines.expire_due()
        drive()
    result = again(run).result
    assert isinstance(result, dict)
    assert (result["status"], result["escalation"]["status"]) == ("uncertain", "expired")


def test_the_default_wait_of_a_run_leaves_the_deadline_of_a_day() -> None:
    driven("escalating", QUESTION)
    escalation = Escalation.objects.get()
    assert escalation.deadline is not None
    assert (escalation.deadline - escalation.created_at).total_seconds() == 24 * 60 * 60
    assert not escalation.shortened


def test_an_operators_row_wins_and_is_frozen(rita: User) -> None:
    row = thresholds.create(
        by=people.root(), agent_id="escalating", confidence=0.3, risk_level="low"
    )
    sure = driven("escalating", QUESTION)
    assert sure.result is not None
    assert sure.result["status"] == "completed"
    thresholds.change(
        row.pk, by=people.root(), confidence=0.99, risk_level="critical", deadline_seconds=None
    )
    driven("escalating", "What is 17 * 23?")
    escalation = Escalation.objects.get()
    assert (escalation.confidence, escalation.threshold) == (0.97, 0.99)
    assert (escalation.risk_level, escalation.deadline) == ("critical", None)


def test_the_second_time_the_earlier_answer_is_offered_and_in_the_prompt(rita: User) -> None:
    first = driven("escalating", QUESTION)
    services.answer(Escalation.objects.get().pk, by=rita, answer="Ten percent.")
    drive()
    run = driven("escalating", QUESTION)
    assert "Ten percent." not in first.journal.get(kind="model").input
    assert "Ten percent." in run.journal.get(kind="model").input
    second = Escalation.objects.get(status="pending")
    assert "a person answered: Ten percent." in second.attempt
    (offered,) = answers.similar("escalating", second.question, besides=second.pk)
    assert (offered.answer, offered.uses) == ("Ten percent.", 1)


def test_a_retired_answer_is_in_no_prompt(rita: User) -> None:
    kept = answered(QUESTION, "Ten percent.", rita).knowledge
    answers.retire(kept.pk, by=people.root())
    run = driven("escalating", QUESTION)
    assert "Ten percent." not in run.journal.get(kind="model").input


def test_earlier_answers_are_read_through_the_journal(rita: User) -> None:
    kept = answered(QUESTION, "Ten percent.", rita)
    run = driven("escalating", QUESTION)
    answers.correct(kept.knowledge.pk, by=people.root(), answer="Twenty.")
    services.dismiss(Escalation.objects.get(status="pending").pk, by=rita)
    drive()
    run = again(run)
    read = run.journal.get(name="lessons")
    assert read.result is not None
    assert read.result["requests"] == [kept.pk]
    assert "Ten percent." in read.result["lessons"][0]
    assert run.journal.filter(kind="model").count() == 1


async def handled(task: str, context: RunContext) -> Any:
    """Has a handler, and asks a gate afterwards, so that its escalation is replayed."""

    async def handler(asked: dict[str, Any]) -> dict[str, Any] | None:
        CALLS[asked["type"]] += 1
        return None if task == "fail" else {"answer": "Ten."}

    context.escalations.register_handler("money", handler)
    told = await context.escalations.escalate(context.agent_id, "Not sure.", {"n": 1}, "money")
    gate = context.gate("shapes")
    request = await gate.request_approval(context.agent_id, "tell", {}, "high")
    decided = await gate.wait_for_approval(request.pk)
    return [told, decided.status]


def test_a_replay_neither_asks_nor_calls_the_handler_again(rita: User) -> None:
    from tests.support.driving import approve_all

    people.gate("shapes")
    with sample_agents.in_catalogue(handled):
        run = driven("handled", "do it")
        assert approve_all(run, rita) == 1
        drive()
    assert again(run).result == [{"answer": "Ten."}, "approved"]
    assert CALLS == {"money": 1}
    escalation = Escalation.objects.get()
    assert (escalation.status, escalation.response) == ("handled", {"answer": "Ten."})
    assert escalation.delivered_at is not None


def test_a_handler_that_failed_is_not_called_again_on_replay(rita: User) -> None:
    from tests.support.driving import approve_all

    people.gate("shapes")
    with sample_agents.in_catalogue(handled):
        run = driven("handled", "fail")
        escalation = Escalation.objects.get()
        services.answer(escalation.pk, by=rita, answer="Ten, says a person.")
        approve_all(run, rita)
        drive()
    told = {"status": "escalated", "escalation_id": escalation.pk}
    assert again(run).result == [told, "approved"]
    assert CALLS == {"money": 1}


async def passing_on(task: str, context: RunContext) -> Any:
    """Its handler says that it has escalated, in the manager's own words."""
    told = {"status": "escalated", "escalation_id": 4711}
    context.escalations.register_handler("low_confidence", lambda asked: told)
    unsure = ScriptedModel(structured("Five.", 0.2))
    return await EscalatingAgent("desk", unsure, context.escalations).execute_task(task)


def test_in_a_run_too_a_handler_that_says_escalated_has_answered() -> None:
    with sample_agents.in_catalogue(passing_on):
        run = driven("passing_on", QUESTION)
    told = {"status": "escalated", "escalation_id": 4711}
    assert run.result is not None
    assert (run.result["status"], run.result["escalation"]) == ("uncertain", told)


async def told_of(task: str, context: RunContext) -> Any:
    """Escalates with a handler that its process did not outlive the last time."""

    async def handler(asked: dict[str, Any]) -> str:
        CALLS["called"] += 1
        return "Ten."

    question = (context.agent_id, "Not sure.", {"n": 1}, "money")
    if task == "again":
        context.escalations.register_handler("money", handler)
    told = await context.escalations.escalate(*question)
    return (await context.escalations.wait_for_answer(told["escalation_id"])).response


def test_a_handler_whose_process_is_gone_is_not_called_again_and_a_person_is_asked(
    rita: User,
) -> None:
    with sample_agents.in_catalogue(told_of):
        run = driven("told_of", "first")
        escalation = Escalation.objects.get()
        assert handling.begin(escalation.pk)  # as the process did that was killed then
        type(run).objects.filter(pk=run.pk).update(task="again", status="queued")
        drive()
        assert CALLS == {}
        said = Event.objects.get(kind="escalations.handler_failed").payload["why"]
        assert said == handling.GONE
        services.answer(escalation.pk, by=rita, answer="Ten, says a person.")
        drive()
    assert again(run).result == "Ten, says a person."


async def hasty(task: str, context: RunContext) -> Any:
    """Waits for a person, but not long."""
    told = await context.escalations.escalate(context.agent_id, "Not sure.", {})
    ended = await context.escalations.wait_for_answer(told["escalation_id"], timeout=0.01)
    return [ended.status, ended.response]


def test_an_explicit_timeout_shortens_the_deadline_of_a_runs_question() -> None:
    with sample_agents.in_catalogue(hasty):
        run = driven("hasty")
        while again(run).status == "waiting":
            deadlines.expire_due()
            drive()
    assert again(run).result == ["expired", None]
    assert Escalation.objects.get().shortened


async def two_questions(task: str, context: RunContext) -> Any:
    """Two at once."""
    agent = EscalatingAgent(context.agent_id, context.model, context.escalations)
    found = await asyncio.gather(*(agent.execute_task(part) for part in task.split("|")))
    return [one["result"] for one in found]


def test_two_questions_of_a_run_keep_their_answers_apart(rita: User) -> None:
    with sample_agents.in_catalogue(two_questions):
        run = driven("two_questions", "Which rate?|Which country?")
        for escalation in Escalation.objects.order_by("-pk"):
            services.answer(escalation.pk, by=rita, answer=f"To {escalation.question}")
        drive()
    assert again(run).result == ["To Which rate?", "To Which country?"]


# ---- In a program


def agent(model: ScriptedModel, **options: Any) -> EscalatingAgent:
    return EscalatingAgent("desk", model, EscalationManager(), **options)


@pytest.mark.parametrize("confidence", [0.7, 0.71, 1])
async def test_at_the_threshold_it_counts_as_sure(confidence: float) -> None:
    model = ScriptedModel(structured("Ten.", confidence))
    done = await agent(model).execute_task(QUESTION)
    assert done == {"status": "completed", "result": "Ten.", "confidence": confidence}
    assert model.calls[0]["response_format"]["type"] == "json_schema"


async def test_below_it_a_handler_helps() -> None:
    found = agent(ScriptedModel(structured("Five.", 0.2)))
    seen: list[dict[str, Any]] = []

    async def handler(asked: dict[str, Any]) -> dict[str, Any]:
        seen.append(asked)
        return {"answer": "Ten.", "source": "law"}

    found.escalation_manager.register_handler("low_confidence", handler)
    done = await found.execute_task(QUESTION)
    assert done == {
        "status": "completed_with_help",
        "result": "Ten.",
        "escalation": {"answer": "Ten.", "source": "law"},
    }
    assert seen[0]["reason"] == "Low confidence (20%) on task"
    assert seen[0]["context"] == {
        "task": QUESTION,
        "attempted_response": "Five.",
        "confidence": 0.2,
    }


@pytest.mark.parametrize("reply", [{"status": "looked, found nothing"}, "words", ["answer"]])
async def test_a_reply_without_an_answer_leaves_it_uncertain(reply: Any) -> None:
    found = agent(ScriptedModel(structured("Five.", 0.2)))
    found.escalation_manager.register_handler("low_confidence", lambda asked: reply)
    assert await found.execute_task(QUESTION) == {
        "status": "uncertain",
        "result": "Five.",
        "confidence": 0.2,
        "escalation": reply,
    }


async def test_a_handler_that_says_escalated_has_answered() -> None:
    found = agent(ScriptedModel(structured("Five.", 0.2)))
    elsewhere = EscalationManager()

    async def passes_on(asked: dict[str, Any]) -> Any:
        return await elsewhere.escalate("desk", asked["reason"], asked["context"])

    found.escalation_manager.register_handler("low_confidence", passes_on)
    done = await asyncio.wait_for(found.execute_task(QUESTION), 20)
    own, other = [row async for row in elsewhere.escalations.order_by("pk")]
    told = {"status": "escalated", "escalation_id": other.pk}
    assert (done["status"], done["escalation"]) == ("uncertain", told)
    assert (own.status, own.response, other.status) == ("handled", told, "pending")


async def test_without_a_handler_it_waits_for_the_person() -> None:
    asked = asyncio.Event()

    class Telling(EscalationManager):
        async def escalate(self, *args: Any, **kwargs: Any) -> Any:
            told = await super().escalate(*args, **kwargs)
            asked.set()
            return told

    manager = Telling()
    found = EscalatingAgent("desk", ScriptedModel(structured("Five.", 0.2)), manager)
    working = asyncio.create_task(found.execute_task(QUESTION))
    await asyncio.wait_for(asked.wait(), 20)
    row = await manager.escalations.aget()
    await sync_to_async(services.answer)(row.pk, by="rita", answer="Ten.")
    done = await asyncio.wait_for(working, 20)
    assert (done["status"], done["result"]) == ("completed_with_help", "Ten.")
    assert done["escalation"]["escalation_id"] == row.pk


async def test_a_server_that_refuses_structure_is_asked_in_plain_words_and_not_again() -> None:
    model = ScriptedModel(
        status_error(400),
        "RESPONSE: Ten.\nCONFIDENCE: 90%",
        "RESPONSE: Five.\nCONFIDENCE: 95%",
    )
    found = agent(model)
    assert (await found.execute_task(QUESTION))["result"] == "Ten."
    assert (await found.execute_task("And now?"))["result"] == "Five."
    assert ["response_format" in call for call in model.calls] == [True, False, False]


async def test_an_unreadable_structured_answer_is_asked_for_in_plain_words() -> None:
    model = ScriptedModel("It depends.", "RESPONSE: Ten.\nCONFIDENCE: 90%")
    assert (await agent(model).execute_task(QUESTION))["confidence"] == 0.9
    assert "CONFIDENCE:" in model.calls[1]["messages"][0]["content"]


@pytest.mark.parametrize(
    "wrong",
    [
        '{"answer": 42, "confidence": 0.9}',
        '{"response": "Paris", "confidence": 0.9}',
        '{"answer": "Paris", "confidence": 0.9',
    ],
)
async def test_json_of_another_form_is_no_answer_in_plain_words(wrong: str) -> None:
    model = ScriptedModel(wrong, "RESPONSE: Ten.\nCONFIDENCE: 90%")
    assert (await agent(model).execute_task(QUESTION))["result"] == "Ten."


@pytest.mark.parametrize("around", ["```json\n{}\n```", "Here you go: {}"])
async def test_a_structured_answer_is_found_in_what_stands_around_it(around: str) -> None:
    model = ScriptedModel(around.replace("{}", structured("Ten.", 0.9)))
    assert (await agent(model).execute_task(QUESTION))["result"] == "Ten."


async def test_the_plain_form_in_answer_to_the_structured_is_taken_as_it_is() -> None:
    model = ScriptedModel("RESPONSE: Ten.\nCONFIDENCE: 90%")
    assert (await agent(model).execute_task(QUESTION))["confidence"] == 0.9


async def test_an_unreadable_confidence_counts_as_a_half() -> None:
    model = ScriptedModel(then="Ten, says the law.")
    done = await agent(model, confidence_threshold=0.5).execute_task(QUESTION)
    assert done == {
        "status": "completed",
        "result": "Ten, says the law.",
        "confidence": 0.5,
        "confidence_read": False,
    }


async def test_a_refusal_is_an_error_with_a_sentence() -> None:
    with pytest.raises(ModelError, match="refused"):
        await agent(ScriptedModel(then=refuses("Not this."))).execute_task(QUESTION)


async def test_a_server_that_is_away_is_not_asked_in_plain_words() -> None:
    model = ScriptedModel(status_error(503))
    with pytest.raises(Exception, match="503"):
        await agent(model).execute_task(QUESTION)
    assert len(model.calls) == 1


@pytest.mark.parametrize("wrong", [1.5, -1, float("nan"), True, "0.7"])
def test_a_threshold_that_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput):
        agent(ScriptedModel(), confidence_threshold=wrong)
