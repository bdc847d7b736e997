"""The agent that asks when it is not sure: in a run, and in a program of somebody else's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from escalations import services
from escalations.models import Escalation
from tests import people
from tests.driving import again, drive, driven
from tests.escalated import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rita() -> User:
    return people.rita()


def test_a_run_asks_a_person_and_goes_on_with_the_answer(rita: User) -> None:
    run = driven("escalating", QUESTION)
    assert run.status == "waiting"
    escalation = Escalation.objects.get()
    assert escalation.reason == "Low confidence (35%) on task"
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


def test_what_it_is_sure_about_never_reaches_a_person() -> None:
    run = driven("escalating", "What is 17 * 23?")
    assert run.result == {"status": "completed", "result": "391", "confidence": 0.97}
    assert not Escalation.objects.exists()


def test_the_second_time_the_earlier_answer_is_in_the_prompt(rita: User) -> None:
    driven("escalating", QUESTION)
    services.answer(Escalation.objects.get().pk, by=rita, answer="Ten percent.")
    drive()
    run = driven("escalating", QUESTION)
    asked = run.journal.get(kind="model").input
    assert "Ten percent." in asked
    second = Escalation.objects.get(status="pending")
    assert "a person answered: Ten percent." in second.attempt
