"""The page of one escalation: what it shows, what its buttons do, with htmx and without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from escalations import services
from escalations.handlers import handling
from escalations.knowledge import answers
from escalations.models import Escalation, Knowledge
from ledger.clock import now
from ledger.models import Event
from tests.support import people
from tests.support.escalated import QUESTION, about, answered, escalated, now_is
from tests.support.markup import as_shown

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
    return as_shown(response.content.decode())


def content(response: HttpResponse, headers: dict[str, str]) -> str:
    """The body, checked to be a part for htmx and a page otherwise."""
    html = as_shown(response.content.decode())
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
    assert '<rect y="4" width="42" height="8" /><rect x="70"' in html


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


# ---- Claims and handing over


def test_a_claim_shows_who_has_it_and_lets_it_be_released(rita: Client) -> None:
    escalation = escalated()
    post(rita, escalation, "claim")
    html = page(rita, escalation)
    assert "Claimed by you" in html
    assert 'value="release"' in html
    post(rita, escalation, "release")
    assert 'value="claim"' in page(rita, escalation)


def test_others_see_whose_hand_it_is_in(rita: Client) -> None:
    escalation = escalated()
    services.claim(escalation.pk, by=people.person("sam", "Reviewers"))
    html = page(rita, escalation)
    assert "Claimed by sam" in html
    assert 'value="claim"' not in html
    assert 'value="answer"' in html


@BOTH
def test_claiming_keeps_what_was_typed(rita: Client, headers: dict[str, str]) -> None:
    escalation = escalated()
    response = post(rita, escalation, "claim", headers, answer="half a sen")
    assert response.status_code == 200
    assert "half a sen</textarea>" in content(response, headers)
    assert now_is(escalation).is_claimed


def test_the_first_press_on_hand_over_asks_to_whom(rita: Client) -> None:
    people.person("sam", "Reviewers")
    people.otto()
    escalation = escalated()
    response = post(rita, escalation, "hand_over", answer="half a sen")
    html = as_shown(response.content.decode())
    assert response.status_code == 200
    assert '<select class="form-select" id="to" name="to" autofocus>' in html
    assert '<option value="sam">' in html
    assert '<option value="otto">' not in html
    assert "half a sen</textarea>" in html


def test_handing_over_shows_the_note(rita: Client) -> None:
    people.person("sam", "Reviewers")
    escalation = escalated()
    post(rita, escalation, "hand_over", to="sam", note="You know the law.")
    html = page(rita, escalation)
    assert "Handed over to sam" in html
    assert "You know the law." in html


@pytest.mark.parametrize(
    ("to", "note", "field"), [("", "Why.", "to"), ("sam", "", "note"), ("rita", "Why.", "to")]
)
def test_what_is_missing_for_handing_over_is_said_beside_the_field(
    rita: Client, to: str, note: str, field: str
) -> None:
    people.person("sam", "Reviewers")
    escalation = escalated()
    response = post(rita, escalation, "hand_over", to=to, note=note, answer="half a sen")
    assert response.status_code == 422
    html = as_shown(response.content.decode())
    assert f'class="field-error" id="{field}-error"' in html
    assert "half a sen</textarea>" in html
    assert note in html
    assert now_is(escalation).handed_to is None


# ---- An earlier answer is used


@BOTH
def test_using_an_earlier_answer_puts_it_below_what_was_typed(
    rita: Client, headers: dict[str, str]
) -> None:
    earlier = answered(QUESTION, "Ten percent, as for books.", people.rita()).knowledge
    escalation = about(QUESTION)
    response = post(rita, escalation, "", headers, use=earlier.pk, answer="I think:")
    assert response.status_code == 200
    html = content(response, headers)
    assert "I think:\n\nTen percent, as for books.</textarea>" in html
    assert now_is(escalation).status == "pending"


def test_an_address_can_use_an_earlier_answer(rita: Client) -> None:
    earlier = answered(QUESTION, "Ten percent.", people.rita()).knowledge
    html = page(rita, about(QUESTION), f"?use={earlier.pk}")
    assert "Ten percent.</textarea>" in html


@pytest.mark.parametrize("use", ["4711", "x", "-1", "9" * 30])
def test_an_unknown_earlier_answer_is_none(rita: Client, use: str) -> None:
    assert "</textarea>" in page(rita, escalated(), f"?use={use}")


def test_a_retired_or_another_agents_answer_is_not_used(rita: Client) -> None:
    other = answered(QUESTION, "Other.", people.rita(), agent_id="other").knowledge
    retired = answered(QUESTION, "Retired.", people.rita()).knowledge
    answers.retire(retired.pk, by=people.root())
    for row in (other, retired):
        html = page(rita, about(QUESTION), f"?use={row.pk}")
        assert f"{row.answer}</textarea>" not in html


# ---- What does not count


@BOTH
@pytest.mark.parametrize("answer", ["", " \n ", "x" * 20_001, "nul \0"])
def test_an_unusable_answer_is_said_beside_the_field_and_kept(
    rita: Client, answer: str, headers: dict[str, str]
) -> None:
    escalation = escalated()
    response = post(rita, escalation, "answer", headers, answer=answer, attempt_was="wrong")
    assert response.status_code == 422
    html = content(response, headers)
    assert 'aria-invalid="true" autofocus' in html
    assert '<div class="field-error" id="answer-error">' in html
    assert 'aria-describedby="answer-error answer-help"' in html
    assert 'value="wrong" id="was-wrong" checked' in html
    assert f"{answer}</textarea>" in html
    assert now_is(escalation).status == "pending"


@BOTH
@pytest.mark.parametrize("verdict", ["answer", "dismiss", "claim"])
def test_the_second_is_told_who_was_first(
    rita: Client, verdict: str, headers: dict[str, str]
) -> None:
    escalation = escalated()
    sam = people.person("sam", "Reviewers", first_name="Sam", last_name="Ahlers")
    services.answer(escalation.pk, by=sam, answer="Ten percent.")
    response = post(rita, escalation, verdict, headers, answer="Five </textarea> percent.")
    assert response.status_code == 409
    html = content(response, headers)
    assert "Sam Ahlers was first: answered" in html
    assert "did not count" in html
    assert "Five &lt;/textarea&gt; percent.</textarea>" in html
    assert "Ten percent." in html
    assert now_is(escalation).reviewer == sam


@BOTH
def test_a_claim_of_another_is_answered_with_the_card_as_it_is(
    rita: Client, headers: dict[str, str]
) -> None:
    escalation = escalated()
    services.claim(escalation.pk, by=people.person("sam", "Reviewers"))
    response = post(rita, escalation, "claim", headers, answer="half a sen")
    assert response.status_code == 409
    html = content(response, headers)
    assert "sam has it in hand until" in html
    assert "half a sen</textarea>" in html


@BOTH
def test_a_late_answer_is_told_by_how_much(rita: Client, headers: dict[str, str]) -> None:
    escalation = escalated()
    past = now() - timedelta(seconds=30)
    Escalation.objects.filter(pk=escalation.pk).update(deadline=past)
    for answer in ("Ten.", ""):
        response = post(rita, escalation, "answer", headers, answer=answer)
        assert response.status_code == 410
        html = content(response, headers)
        assert "Too late by 3" in html
        assert "goes on as uncertain" in html
    services.expire(escalation.pk)
    assert post(rita, escalation, headers=headers, answer="Ten.").status_code == 410


@BOTH
@pytest.mark.parametrize("digest", ["", "0" * 64, "é"])
@pytest.mark.parametrize("verdict", ["answer", "dismiss", "claim"])
def test_a_page_that_showed_something_else_changes_nothing(
    rita: Client, headers: dict[str, str], digest: str, verdict: str
) -> None:
    escalation = escalated()
    response = post(rita, escalation, verdict, headers, answer="keep me", digest=digest)
    assert response.status_code == 412
    html = content(response, headers)
    assert "This page was out of date." in html
    assert "keep me</textarea>" in html
    assert f'name="digest" value="{escalation.digest}"' in html
    assert now_is(escalation).status == "pending"


@BOTH
def test_who_may_not_answer_is_told_why(client: Client, headers: dict[str, str]) -> None:
    client.force_login(people.person("olga", "Operators"))
    escalation = escalated()
    response = post(client, escalation, "answer", headers, answer="my words")
    assert response.status_code == 403
    html = content(response, headers)
    assert html.count("You cannot decide this one.") == 1
    assert "my words</textarea>" in html
    assert 'aria-disabled="true"' in html


@BOTH
def test_without_permission_to_see_nothing_is_revealed(
    client: Client, headers: dict[str, str]
) -> None:
    escalation = about("A secret question?")
    client.force_login(people.otto())
    assert client.get(f"/escalations/{escalation.pk}/").status_code == 403
    response = post(client, escalation, "answer", headers, answer="x")
    assert response.status_code == 403
    assert "secret" not in as_shown(response.content.decode())
    assert client.get("/escalations/").status_code == 403


@pytest.mark.parametrize("verdict", ["", "approve", "ANSWER"])
def test_an_unknown_verdict_changes_nothing(rita: Client, verdict: str) -> None:
    escalation = escalated()
    response = post(rita, escalation, verdict, answer="Ten.")
    assert response.status_code == 422
    assert "accepted are answer, dismiss, claim, release, hand_over" in as_shown(
        response.content.decode()
    )


def test_looking_never_decides(rita: Client) -> None:
    escalation = escalated()
    before = Event.objects.count()
    address = f"/escalations/{escalation.pk}/decide/?verdict=dismiss&digest={escalation.digest}"
    assert rita.get(address).status_code == 405
    assert rita.get(f"/escalations/{escalation.pk}/mark/").status_code == 405
    page(rita, escalation, "?verdict=dismiss")
    assert Event.objects.count() == before


def test_a_form_of_another_site_changes_nothing() -> None:
    escalation = escalated()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.rita())
    assert post(strict, escalation, answer="Ten.").status_code == 403
    assert now_is(escalation).status == "pending"


def test_strangers_sign_in_first(client: Client) -> None:
    escalation = escalated()
    response = post(client, escalation, answer="Ten.")
    assert response["Location"] == f"/accounts/login/?next=/escalations/{escalation.pk}/"


@pytest.mark.parametrize("what", ["decide", "mark"])
def test_unknown_escalations_are_404(rita: Client, what: str) -> None:
    assert rita.get("/escalations/9999/").status_code == 404
    assert rita.post(f"/escalations/9999/{what}/", {"verdict": "dismiss"}).status_code == 404


# ---- After the end


def test_the_outcome_says_what_the_agent_was_told_and_by_whom(rita: Client) -> None:
    escalation = escalated()
    services.answer(escalation.pk, by="rita", answer="Ten percent.", attempt_was="partly")
    html = page(rita, escalation)
    assert "Ten percent." in html
    assert "Its own attempt was partly, says rita." in html
    assert '<textarea class="form-control" id="answer"' not in html


def test_a_handlers_reply_is_shown_as_it_was(rita: Client) -> None:
    escalation = escalated()
    handling.begin(escalation.pk)
    handling.handle(escalation.pk, {"answer": "Ten.", "law": "<b>10</b>"})
    html = page(rita, escalation)
    assert "the program's handler" in html.replace("&#x27;", "'")
    assert "&lt;b&gt;10&lt;/b&gt;" in html


@BOTH
def test_the_attempt_is_marked_after_the_fact(rita: Client, headers: dict[str, str]) -> None:
    escalation = escalated()
    services.dismiss(escalation.pk, by="rita")
    address = f"/escalations/{escalation.pk}/mark/"
    response = rita.post(address, {"attempt_was": "right"}, headers=headers)
    assert response.status_code == (200 if headers else 303)
    assert now_is(escalation).attempt_was == "right"
    assert 'value="right" aria-pressed="true"' in page(rita, escalation)


def test_a_mark_that_is_none_is_refused(rita: Client) -> None:
    escalation = escalated()
    services.dismiss(escalation.pk, by="rita")
    response = rita.post(f"/escalations/{escalation.pk}/mark/", {"attempt_was": "x"})
    assert response.status_code == 422


def test_what_an_agent_says_cannot_look_like_the_product(rita: Client) -> None:
    hostile = "<script>alert(1)</script> \u202eevil"
    context = {"task": hostile, "attempted_response": hostile, "confidence": 0.2, hostile: hostile}
    html = page(rita, escalated(context=context, reason=hostile, agent_id=hostile))
    assert "<script>alert" not in html
    assert "\u202e" not in html
