"""What a model says that cannot be read: a person is asked, and sees why."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import services
from approvals.models import ApprovalRequest
from escalations.admin import UNREAD_COUNTS
from escalations.manager import EscalationManager
from escalations.models import Escalation
from hitl_agents.patterns.escalating import EscalatingAgent
from hitl_agents.runner import model_client
from hitl_agents.testing import ScriptedModel, cut_off, refuses, wants
from ledger import runs
from ledger.models import Event, Run
from tests.support import people
from tests.support.driving import again, drive
from tests.support.escalated import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = {"path": "note.txt", "content": "hello"}


class Says(ScriptedModel):
    """A model in the runner's place of a client."""

    async def close(self) -> None:
        return None


@pytest.fixture
def rita() -> User:
    return people.rita()


def noting(monkeypatch: pytest.MonkeyPatch, risk: Any) -> Run:
    """A run that wants a note written, whose model judges the risk with these words."""
    left: list[Any] = [wants(("write_file", NOTE)), "Written."]
    model = Says(then=lambda asked: left.pop(0) if asked.get("tools") else risk)
    monkeypatch.setattr(model_client, "make_client", lambda: model)
    run = runs.submit("gated", "Write a note")
    drive()
    return again(run)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "risk", ["hoch", "not low", "I cannot say.", refuses("No."), cut_off("low"), "<think>low"]
)
def test_a_risk_that_cannot_be_read_asks_whatever_the_threshold(
    rita: User, monkeypatch: pytest.MonkeyPatch, risk: Any
) -> None:
    people.gate("gated", risk_threshold="critical")
    run = noting(monkeypatch, risk)
    assert run.status == "waiting"
    request = ApprovalRequest.objects.get()
    assert (request.status, request.risk_level, request.risk_read) == ("pending", "medium", False)
    assert Event.objects.get(kind="approvals.asked").payload["risk_read"] is False
    page = browser(rita).get(f"/approvals/{request.pk}/").content.decode()
    assert "the model&#x27;s risk could not be read: it asks" in page
    assert "Risk could not be read" in browser(rita).get("/").content.decode()
    services.edit_and_approve(request.pk, by=rita, details={**NOTE, "content": "Hello."})
    assert not ApprovalRequest.objects.get(previous=request).risk_read
    drive()
    assert again(run).status == "completed"


@pytest.mark.parametrize("risk", ["low", "**Low**", "low to medium", '{"risk": "medium"}'])
def test_a_risk_that_is_read_below_the_threshold_runs(
    rita: User, monkeypatch: pytest.MonkeyPatch, risk: str
) -> None:
    people.gate("gated", risk_threshold="high")
    assert noting(monkeypatch, risk).status == "completed"
    assert ApprovalRequest.objects.get().risk_read


@pytest.mark.parametrize("risk", ["**High**", "Risk: HIGH.", '{"risk":"critical"}'])
def test_a_risk_that_is_dressed_up_asks(
    rita: User, monkeypatch: pytest.MonkeyPatch, risk: str
) -> None:
    people.gate("gated", risk_threshold="high")
    assert noting(monkeypatch, risk).status == "waiting"


def test_the_risk_is_judged_by_the_model_that_is_named_for_it(
    rita: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OPENAI_RISK_MODEL = "judge"
    people.gate("gated")
    run = noting(monkeypatch, "low")
    judged = run.journal.get(kind="model", name="judge")
    for told in ("write_file", "undoable", "floor", "description"):
        assert told in judged.input
    assert run.journal.filter(kind="model").exclude(name="judge").count() == 2


# ---- Confidence


def escalating(model: ScriptedModel, threshold: float = 0.7) -> EscalatingAgent:
    manager = EscalationManager()
    manager.register_handler("low_confidence", lambda told: {"seen": told["context"]})
    return EscalatingAgent("helper", model, manager, threshold)


async def test_prose_with_a_percentage_asks_and_says_that_nothing_was_read() -> None:
    words = "The discount is 12%. I am not 90% sure of that, the list is old."
    done = await escalating(ScriptedModel(then=words)).execute_task(QUESTION)
    assert (done["status"], done["confidence"], done["confidence_read"]) == (
        "uncertain",
        0.5,
        False,
    )
    assert done["escalation"]["seen"] == {
        "task": QUESTION,
        "attempted_response": words,
        "confidence": 0.5,
        "confidence_read": False,
    }


async def test_an_empty_answer_asks_whatever_the_threshold() -> None:
    model = ScriptedModel(then='{"answer": "", "confidence": 0.99}')
    assert (await escalating(model, 0.0).execute_task(QUESTION))["status"] == "uncertain"


def test_the_page_says_that_the_confidence_could_not_be_read(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Says(then="I am not 90% sure, but: ten.")
    monkeypatch.setattr(model_client, "make_client", lambda: model)
    run = runs.submit("escalating", QUESTION)
    drive()
    assert again(run).status == "waiting"
    escalation = Escalation.objects.get()
    assert Event.objects.get(kind="escalations.asked").payload["confidence_read"] is False
    page = " ".join(browser(rita).get(f"/escalations/{escalation.pk}/").content.decode().split())
    assert "confidence could not be read: it counts as 50%" in page.replace("\u202f", "").replace(
        "50 %", "50%"
    )
    assert "50% stated" not in page


def test_the_form_of_thresholds_says_what_an_unread_confidence_counts_as() -> None:
    root = browser(people.root())
    assert UNREAD_COUNTS in root.get("/admin/escalations/threshold/add/").content.decode()
    sent = {"agent_id": "helper", "type": "", "risk_level": "medium", "deadline_seconds": "60"}
    low = root.post("/admin/escalations/threshold/add/", {**sent, "confidence": "0.5"}, follow=True)
    assert UNREAD_COUNTS in low.content.decode()
    sent["agent_id"] = "other"
    high = root.post(
        "/admin/escalations/threshold/add/", {**sent, "confidence": "0.6"}, follow=True
    )
    assert UNREAD_COUNTS not in high.content.decode()
