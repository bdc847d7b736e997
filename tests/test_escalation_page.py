"""The page of one escalation: what it shows, what its buttons do, with htmx and without."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from escalations import services
from escalations.models import Escalation, Knowledge
from tests import people
from tests.escalated import QUESTION, about, answered, escalated, now_is

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
BOTH = pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def post(
    client: Client,
    escalation: Escalation,
    verdict: str = "answer",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> Any:
    data = {"verdict": verdict, "digest": escalation.digest, **fields}
    return client.post(f"/escalations/{escalation.pk}/decide/", data, headers=headers or {})


def page(client: Client, escalation: Escalation, query: str = "") -> str:
    response = client.get(f"/escalations/{escalation.pk}/{query}")
    assert response.status_code == 200
    return response.content.decode()


def content(response: HttpResponse, headers: dict[str, str]) -> str:
    """The body, checked to be a part for htmx and a page otherwise."""
    html = response.content.decode()
    assert ("<html" in html) is not bool(headers)
    assert '<div id="request"' in html
    return html


# ---- What it shows


def test_it_shows_question_attempt_confidence_and_context(rita: Client) -> None:
    escalation = escalated(context={"task": QUESTION, "attempted_response": "Ten percent.",
                                    "confidence": 0.42, "country": "AT"})  # fmt: skip
    html = page(rita, escalation)
    for words in (QUESTION, "Ten percent.", "42 % stated", "70 % needed", "country", "AT"):
        assert words in html


def test_the_confidence_stands_against_the_frozen_threshold(rita: Client) -> None:
    html = page(rita, escalated())
    assert 'aria-label="Confidence 42 %, the agent asks below 70 %"' in html
    assert '<rect y="4" width="42" height="8"/><rect x="70"' in html


def test_without_a_confidence_the_reason_is_shown(rita: Client) -> None:
    html = page(rita, escalated(context={"order": 7}, reason="Two orders have this number."))
    assert "Two orders have this number." in html
    assert "Confidence" not in html


def test_similar_earlier_questions_are_listed_with_their_answers(rita: Client) -> None:
    earlier = answered(QUESTION, "Ten percent, as for books.", people.rita())
    html = page(rita, about(QUESTION))
    assert "Ten percent, as for books." in html
    assert f'name="use" value="{earlier.knowledge.pk}"' in html


def test_how_often_it_was_right_when_it_was_that_sure(rita: Client) -> None:
    for was in ("right", "right", "wrong", "partly"):
        services.dismiss(escalated().pk, by="rita", attempt_was=was)
    assert "2.5 of 4 at 40 to 50 %" in page(rita, escalated())


# ---- What counts


@BOTH
def test_an_answer_counts(rita: Client, headers: dict[str, str]) -> None:
    escalation = escalated()
    response = post(rita, escalation, headers=headers, answer="Ten\r\npercent.")
    assert response.status_code == (200 if headers else 303)
    after = now_is(escalation)
    assert (after.status, after.response) == ("answered", "Ten\npercent.")
    assert Knowledge.objects.get().answer == "Ten\npercent."


def test_a_dismissal_counts(rita: Client) -> None:
    escalation = escalated()
    assert post(rita, escalation, "dismiss").status_code == 303
    assert now_is(escalation).status == "dismissed"


def test_an_answer_that_is_not_to_be_kept_is_not(rita: Client) -> None:
    escalation = escalated()
    post(rita, escalation, answer="Only this once.", keep_asked="1")
    assert now_is(escalation).status == "answered"
    assert not Knowledge.objects.exists()


def test_the_attempt_is_marked_with_the_answer(rita: Client) -> None:
    escalation = escalated()
    post(rita, escalation, answer="Ten.", attempt_was="right")
    assert now_is(escalation).attempt_was == "right"
