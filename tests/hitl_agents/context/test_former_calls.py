"""Runs that began under earlier prompts go on: their journaled answers are found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail

from approvals import services as approvals
from escalations import services as escalations
from escalations.models import Escalation
from hitl_agents.context import former_calls
from hitl_agents.context.former_calls import FormerCalls
from hitl_agents.llm import answers
from hitl_agents.llm.completions import completion
from hitl_agents.prompts import escalations as unsure
from hitl_agents.prompts import plans, reviews, shared
from hitl_agents.prompts.shared import Messages
from hitl_agents.runner import model_client
from hitl_agents.testing import ScriptedModel, wants
from ledger import canonical, runs
from ledger.models import JournalEntry, Run
from reviews import services as reviewing
from reviews.models import ReviewItem
from tests.support import people
from tests.support.driving import again, approve_all, drive, pending

pytestmark = pytest.mark.django_db(transaction=True)

LETTER = {"to": "ana@example.org", "subject": "Thanks", "body": "Thank you."}
OTHER = {**LETTER, "to": "bob@example.org"}


class Says(ScriptedModel):
    """A model in the runner's place of a client."""

    async def close(self) -> None:
        return None


@pytest.fixture
def rita() -> User:
    people.gate("gated")
    return people.rita()


def asked_before(opening: str, told: Any) -> Messages:
    """A prompt as it was: other words after the same opening, lessons in the system's message."""
    system = f"{opening[: former_calls.OPENING]} … Heed it: []"
    text = told if isinstance(told, str) else json.dumps(told)
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The prompts of before; undo() it to have those of today."""
    patch = pytest.MonkeyPatch()
    patch.setattr(shared, "choose_actions", lambda task, *_: asked_before(shared.CHOOSE, task))
    patch.setattr(
        shared,
        "assess_risk",
        lambda action, given: asked_before(shared.RISK, {"action": action, "arguments": given}),
    )
    patch.setattr(
        shared,
        "revise",
        lambda action, given, feedback, *_: asked_before(
            shared.REVISE, {"action": action, "arguments": given, "feedback": feedback}
        ),
    )
    patch.setattr(unsure, "answer", lambda task, *_, structured: asked_before(unsure.SURE, task))
    patch.setattr(
        reviews,
        "write",
        lambda task, kind, *_: asked_before(reviews.WRITE, {"task": task, "output_type": kind}),
    )
    return patch


def answering(monkeypatch: pytest.MonkeyPatch, **words: Any) -> Says:
    """A model that answers by the tool results so far, and with these words to other prompts."""

    def answer(asked: dict[str, Any]) -> Any:
        system = asked["messages"][0]["content"]
        if asked.get("tools"):
            done = asked["messages"][-1]["role"] == "tool"
            both = wants(("send_email", LETTER), ("send_email", OTHER))
            return "Sent." if done else both
        if system.startswith("You judge"):
            return "high" if "bob" in asked["messages"][1]["content"] else "low"
        return words.get(system.split()[1], json.dumps({**LETTER, "body": "Shorter."}))

    model = Says(then=answer)
    monkeypatch.setattr(model_client, "make_client", lambda: model)
    return model


def go(agent: str, task: str) -> Run:
    run = runs.submit(agent, task)
    drive()
    return again(run)


def model_calls(run: Run) -> int:
    return JournalEntry.objects.filter(run=run, kind="model").count()


def test_a_run_that_waits_at_its_gate_asks_its_model_nothing_anew(
    rita: User, before: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = answering(monkeypatch)
    run = go("gated", "Thank ana@example.org and bob@example.org")
    asked = model_calls(run)
    before.undo()
    approve_all(run, rita)
    drive()
    assert again(run).status == "completed"
    assert sorted(letter.to[0] for letter in mail.outbox) == ["ana@example.org", "bob@example.org"]
    assert model_calls(run) == asked + 1  # the report
    assert len(model.calls) == asked + 1


def test_two_revisions_meet_their_own_answers(
    rita: User, before: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch)
    run = go("gated", "Thank them")
    for request in pending(run):
        approvals.request_revision(request.pk, by=rita, feedback=f"Shorter, {request.pk}.")
    drive()
    asked = model_calls(run)
    before.undo()
    approve_all(run, rita)
    drive()
    assert again(run).status == "completed"
    assert model_calls(run) == asked + 1
    assert len(mail.outbox) == 2


def test_a_run_that_waits_for_an_answer_asks_no_second_time(
    rita: User, before: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = answering(monkeypatch, answer='{"answer": "Ten.", "confidence": 0.2}')
    run = go("escalating", "How much?")
    before.undo()
    escalations.answer(Escalation.objects.get().pk, by=rita, answer="Five.")
    drive()
    assert again(run).status == "completed"
    assert (Escalation.objects.count(), len(model.calls)) == (1, 1)


def test_a_run_that_waits_for_a_review_goes_on_from_it(
    rita: User, before: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = answering(monkeypatch, make="A lamp.")
    run = go("reviewed", "Write about lamps")
    before.undo()
    reviewing.reject(ReviewItem.objects.get().pk, by=rita, feedback="Plainer.")
    drive()
    assert (ReviewItem.objects.count(), len(model.calls)) == (2, 2)
    reviewing.approve(ReviewItem.objects.latest("pk").pk, by=rita)
    drive()
    assert again(run).status == "completed"
    assert (ReviewItem.objects.count(), len(model.calls)) == (2, 2)


def test_a_server_error_that_was_taken_for_an_empty_answer_is_one_on_a_replay(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**completion(), "choices": [], "error": {"message": "Slow down", "code": 429}}
    answering(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:  # an earlier version did not see the error
        patch.setattr(answers, "error_in", lambda completion: None)
        patch.setattr("hitl_agents.llm.chat.error_in", lambda completion: None)
        patch.setattr("hitl_agents.context.model.error_in", lambda completion: None)
        model = Says(broken, wants(("send_email", LETTER)), "medium")
        patch.setattr(model_client, "make_client", lambda: model)
        run = go("gated", "Thank ana@example.org")
    assert run.status == "waiting"
    approve_all(run, rita)
    drive()
    assert again(run).status == "completed"


# ---- Which is which


def text_of(messages: Messages, **more: Any) -> str:
    return canonical.envelope_text({"model": "m", "messages": messages, **more})


def test_only_our_own_former_prompts_are_looked_for() -> None:
    own = [{"role": "system", "content": "You are mine."}, {"role": "user", "content": "Hello"}]
    today = shared.choose_actions("Hello", [])
    former = FormerCalls([text_of(own), text_of(today)])
    for messages in (own, today, [{"role": "user", "content": "Hello"}]):
        asked = {"model": "m", "messages": messages}
        assert former.take(asked) is asked


def test_each_former_call_answers_one_call_of_the_same_kind_about_the_same() -> None:
    then = [
        asked_before(shared.RISK, {"action": "tell", "arguments": {"to": name}})
        for name in ("ana", "bob", "bob")
    ]
    former = FormerCalls(text_of(messages) for messages in then)

    def taken(messages: Messages, **more: Any) -> Any:
        return former.take({"model": "m", "messages": messages, **more})["messages"]

    assert taken(shared.assess_risk("tell", {"to": "bob"})) == then[1]
    assert taken(shared.assess_risk("tell", {"to": "eve"})) not in then
    assert taken(shared.assess_risk("tell", {"to": "bob"}), response_format={}) not in then
    assert taken(shared.assess_risk("tell", {"to": "bob"})) == then[2]
    assert taken(shared.assess_risk("tell", {"to": "bob"})) not in then
    assert taken(plans.propose("tell", [])) not in then
    assert taken(shared.assess_risk("tell", {"to": "ana"})) == then[0]


@pytest.mark.parametrize(
    "opening",
    [
        "You are an agent that gets a task done w",
        "You judge how much harm an action can do",
        "A person has looked at the action that y",
        "You answer one task, and say how sure yo",
        "You make one output for the task below, ",
        "You work out a plan together with a pers",
        "You are working out a plan together with",
        "You carry out one step of a plan that a ",
    ],
)
def test_the_first_words_of_our_prompts_are_those_of_version_0_1(opening: str) -> None:
    """Whoever changes them loses the journaled answers of runs that wait."""
    assert opening in former_calls.OURS
