"""Deciding from the page: what counts, what does not, and what a person is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from approvals import services
from approvals.models import ApprovalRequest
from ledger.clock import now
from ledger.models import Event
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
BOTH = pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def decide(
    client: Client, approval: ApprovalRequest, verdict: str = "approve", feedback: str = "",
    headers: dict[str, str] | None = None, **fields: Any,
) -> Any:  # fmt: skip
    data = {"verdict": verdict, "feedback": feedback, "digest": approval.digest, **fields}
    return client.post(f"/approvals/{approval.pk}/decide/", data, headers=headers or {})


def now_is(approval: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(pk=approval.pk)


def content(response: HttpResponse, headers: dict[str, str]) -> str:
    """The body, checked to be a part for htmx and a page otherwise."""
    html = as_shown(response.content.decode())
    assert ("<html" in html) is not bool(headers)
    assert '<div id="request"' in html
    return html


# ---- What counts


@pytest.mark.parametrize(
    ("verdict", "feedback", "status", "said"),
    [
        ("approve", "", "approved", "Approved."),
        ("approve", "Fine.", "approved", "Approved."),
        ("reject", "Wrong recipient.", "rejected", "Rejected."),
        ("revise", "Say sorry.", "needs_revision", "Revision requested."),
    ],
)
def test_a_decision_counts_and_leads_back_to_the_request(
    rita: Client, verdict: str, feedback: str, status: str, said: str
) -> None:
    approval = people.asked()
    response = decide(rita, approval, verdict, feedback)
    assert response.status_code == 303
    assert response["Location"] == f"/approvals/{approval.pk}/"
    after = now_is(approval)
    assert (after.status, after.feedback, after.reviewer) == (status, feedback, people.rita())
    assert said in as_shown(rita.get(response["Location"]).content.decode())


def test_htmx_gets_the_request_as_it_is_now_and_a_toast(rita: Client) -> None:
    approval = people.asked()
    response = decide(rita, approval, "reject", "no", headers=HTMX)
    assert response.status_code == 200
    html = content(response, HTMX)
    assert f'<aside id="outcome-{approval.pk}"' in html
    assert '<div id="toasts" hx-swap-oob="beforeend">' in html
    assert "<strong>Rejected.</strong>" in html
    assert 'name="verdict"' not in html
    assert response["HX-Replace-Url"] == f"/approvals/{approval.pk}/"


def test_line_ends_are_stored_as_they_were_typed(rita: Client) -> None:
    approval = people.asked()
    decide(rita, approval, "reject", "one\r\ntwo")
    assert now_is(approval).feedback == "one\ntwo"


# ---- What does not count


@BOTH
@pytest.mark.parametrize("verdict", ["reject", "revise"])
@pytest.mark.parametrize("feedback", ["", " \n "])
def test_missing_feedback_is_said_beside_the_field(
    rita: Client, verdict: str, feedback: str, headers: dict[str, str]
) -> None:
    approval = people.asked()
    response = decide(rita, approval, verdict, feedback, headers)
    assert response.status_code == 422
    html = content(response, headers)
    assert 'aria-invalid="true" autofocus' in html
    assert '<div class="field-error" id="feedback-error">Say why' in html
    assert 'aria-describedby="feedback-error feedback-help"' in html
    assert now_is(approval).status == "pending"


@BOTH
@pytest.mark.parametrize("feedback", ["x" * 10_001, "nul \0"])
def test_unusable_feedback_is_given_back(
    rita: Client, feedback: str, headers: dict[str, str]
) -> None:
    approval = people.asked()
    response = decide(rita, approval, "approve", feedback, headers)
    assert response.status_code == 422
    assert feedback[:10_001] in content(response, headers)
    assert now_is(approval).status == "pending"


@BOTH
def test_the_second_decision_is_told_who_was_first(rita: Client, headers: dict[str, str]) -> None:
    approval = people.asked()
    jonas = people.person("jonas", "Reviewers", first_name="Jonas", last_name="Ahlers")
    services.reject(approval.pk, by=jonas, feedback="Merge first.")
    response = decide(rita, approval, "approve", "Fine by </textarea> phone.", headers)
    assert response.status_code == 409
    html = content(response, headers)
    assert '<div class="notice is-no" role="alert">' in html
    assert "Jonas Ahlers decided first: rejected" in html
    assert "Your approval did not count; the other one was 1 second before you." in html
    assert "What you had typed is kept." in html
    assert "Fine by &lt;/textarea&gt; phone.</textarea>" in html
    assert "<div data-typed>" in html
    assert "Merge first." in html
    assert now_is(approval).status == "rejected"


@BOTH
def test_a_late_decision_is_told_by_how_much(rita: Client, headers: dict[str, str]) -> None:
    approval = people.asked()
    past = now() - timedelta(seconds=30)
    ApprovalRequest.objects.filter(pk=approval.pk).update(deadline=past)
    response = decide(rita, approval, "approve", headers=headers)
    assert response.status_code == 410
    html = content(response, headers)
    assert "Too late by 3" in html
    assert "Nothing runs." in html
    services.expire(approval.pk)
    assert decide(rita, approval, headers=headers).status_code == 410


def test_late_and_without_a_reason_is_late(rita: Client) -> None:
    approval = people.asked()
    ApprovalRequest.objects.filter(pk=approval.pk).update(deadline=now() - timedelta(hours=3))
    response = decide(rita, approval, "reject", "")
    assert response.status_code == 410
    assert "Too late by 3 hours." in as_shown(response.content.decode())


@BOTH
@pytest.mark.parametrize("digest", ["", "0" * 64, "é"])
def test_a_page_that_showed_something_else_decides_nothing(
    rita: Client, headers: dict[str, str], digest: str
) -> None:
    approval = people.asked()
    response = decide(rita, approval, "reject", "keep me", headers, digest=digest)
    assert response.status_code == 412
    html = content(response, headers)
    assert "This page was out of date." in html
    assert "keep me</textarea>" in html
    assert f'name="digest" value="{approval.digest}"' in html  # the current one, to decide on
    assert now_is(approval).status == "pending"


def test_no_digest_at_all_is_out_of_date(rita: Client) -> None:
    approval = people.asked()
    address = f"/approvals/{approval.pk}/decide/"
    assert rita.post(address, {"verdict": "approve"}).status_code == 412


@BOTH
def test_an_older_revision_is_answered_with_the_current_one(
    rita: Client, headers: dict[str, str]
) -> None:
    old = people.asked()
    services.request_revision(old.pk, by=people.rita(), feedback="again")
    new = people.asked(previous=old, details={"to": "tom@example.org"})
    response = decide(rita, old, "approve", "I agree", headers)
    assert response.status_code == 412
    html = content(response, headers)
    assert "The agent has asked again since" in html
    assert f'data-subject="approvals.approvalrequest:{new.pk}"' in html
    assert "tom@example.org" in html
    assert "I agree</textarea>" in html
    if headers:
        assert response["HX-Replace-Url"] == f"/approvals/{new.pk}/"
    assert now_is(new).status == "pending"


@BOTH
def test_who_may_not_decide_is_told_why(client: Client, headers: dict[str, str]) -> None:
    olga = people.person("olga", "Operators")
    approval = people.asked()
    client.force_login(olga)
    response = decide(client, approval, "approve", "my words", headers)
    assert response.status_code == 403
    html = content(response, headers)
    assert html.count("You cannot decide this one.") == 1
    assert 'role="alert" id="refusal"' in html
    assert "my words</textarea>" in html
    assert now_is(approval).status == "pending"


@pytest.mark.parametrize("tie", ["requester", "owner"])
def test_nobody_approves_their_own_superusers_included(client: Client, tie: str) -> None:
    approval = people.asked(people.a_run(**{tie: people.root()}))
    client.force_login(people.root())
    assert decide(client, approval).status_code == 403
    assert now_is(approval).status == "pending"


@BOTH
def test_without_permission_to_see_nothing_is_revealed(
    client: Client, headers: dict[str, str]
) -> None:
    approval = people.asked(action="secret_action")
    client.force_login(people.otto())
    response = decide(client, approval, headers=headers)
    assert response.status_code == 403
    assert "secret_action" not in as_shown(response.content.decode())


def test_a_permission_that_was_taken_away_counts_at_once(rita: Client) -> None:
    approval = people.asked()
    people.rita().groups.clear()
    assert decide(rita, approval).status_code == 403
    assert now_is(approval).status == "pending"


@pytest.mark.parametrize("verdict", ["", "cancel", "APPROVE"])
def test_an_unknown_verdict_decides_nothing(rita: Client, verdict: str) -> None:
    approval = people.asked()
    response = decide(rita, approval, verdict)
    assert response.status_code == 422
    assert "accepted are approve, reject, revise." in as_shown(response.content.decode())
    assert now_is(approval).status == "pending"


def test_looking_never_decides(rita: Client) -> None:
    approval = people.asked()
    before = Event.objects.count()
    address = f"/approvals/{approval.pk}/decide/?verdict=approve&digest={approval.digest}"
    assert rita.get(address).status_code == 405
    assert rita.get(f"/approvals/{approval.pk}/?verdict=approve").status_code == 200
    assert rita.get(f"/approvals/{approval.pk}/edit/").status_code == 200
    assert Event.objects.count() == before


def test_a_form_of_another_site_decides_nothing() -> None:
    approval = people.asked()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people.rita())
    assert decide(strict, approval).status_code == 403
    assert now_is(approval).status == "pending"


def test_strangers_sign_in_first(client: Client) -> None:
    approval = people.asked()
    response = decide(client, approval)
    assert response["Location"] == f"/accounts/login/?next=/approvals/{approval.pk}/"
    headers = {**HTMX, "HX-Current-URL": f"http://testserver/approvals/{approval.pk}/"}
    response = decide(client, approval, headers=headers)
    assert response["HX-Redirect"] == f"/accounts/login/?next=/approvals/{approval.pk}/"


def test_unknown_requests_are_404(rita: Client) -> None:
    assert rita.post("/approvals/9999/decide/", {"verdict": "approve"}).status_code == 404


def test_every_whole_page_says_from_where_the_socket_goes_on(rita: Client) -> None:
    approval = people.asked()
    cursor = f'data-cursor="{Event.objects.count()}"'
    address = f"/approvals/{approval.pk}/"
    wrong = {"verdict": "reject", "digest": approval.digest}
    for response in (
        rita.get(address),
        rita.get(f"{address}edit/"),
        rita.post(f"{address}decide/", wrong),
        rita.post(f"{address}decide/"),
        rita.get("/"),
        rita.get("/approvals/"),
    ):
        assert cursor in as_shown(response.content.decode())
