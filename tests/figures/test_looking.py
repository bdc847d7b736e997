"""What pages tell of their readers: a first look, and how they read what they decided."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import services
from approvals.models import ApprovalRequest
from escalations import services as escalations
from escalations.pages import history
from figures import looking
from figures.looking import Reading
from ledger.errors import BadInput, UnknownId
from ledger.models import Event
from plans import services as plans
from tests.support import people
from tests.support.escalated import escalated, now_is
from tests.support.plan_stories import offered, turn

pytestmark = pytest.mark.django_db

READING = Reading(12.5, 1.0, 800)


def told(kind: str) -> list[tuple[str, str]]:
    events = Event.objects.filter(kind=kind).order_by("id")
    return [(event.subject, event.actor) for event in events]


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def tell(client: Client, request: ApprovalRequest, **said: Any) -> int:
    data = {"subject": request.subject, **said}
    return client.post("/statistics/looked/", data).status_code


def decided(by: User) -> ApprovalRequest:
    return services.approve(people.asked().pk, by=by)


def test_the_first_look_is_noted_once() -> None:
    request, sam = people.asked(), people.person("sam", "Reviewers")
    assert looking.note_look(request.subject, by=people.rita())
    assert not looking.note_look(request.subject, by=people.rita())
    assert not looking.note_look(request.subject, by=sam)
    assert told("approvals.looked") == [(request.subject, "user:rita")]


@pytest.mark.parametrize("who", ["otto", "olga", "requester"])
def test_a_look_of_somebody_who_may_not_decide_is_none(who: str) -> None:
    groups = {"olga": ["Operators"], "requester": ["Reviewers"]}.get(who, [])
    by = people.person(who, *groups)
    request = people.asked(people.a_run(requester=by if who == "requester" else None))
    assert not looking.note_look(request.subject, by=by)
    assert told("approvals.looked") == []


def test_a_look_at_what_is_decided_is_none() -> None:
    assert not looking.note_look(decided(people.rita()).subject, by=people.rita())


def test_a_reading_is_noted_once_for_whoever_decided() -> None:
    request, sam = decided(people.rita()), people.person("sam", "Reviewers")
    assert not looking.read(request.subject, READING, by=sam)
    assert looking.read(request.subject, READING, by=people.rita())
    assert not looking.read(request.subject, READING, by=people.rita())
    assert told("approvals.read") == [(request.subject, "user:rita")]
    payload = Event.objects.get(kind="approvals.read").payload
    assert payload == {"seconds": 12.5, "seen": 1.0, "characters": 800}


def test_a_reading_of_what_is_not_decided_is_none() -> None:
    assert not looking.read(people.asked().subject, READING, by=people.rita())
    assert told("approvals.read") == []


def test_the_reviewer_who_edits_has_read_what_they_edited() -> None:
    request = people.asked()
    services.edit_and_approve(request.pk, by=people.rita(), details={"to": "b@example.org"})
    assert looking.read(request.subject, READING, by=people.rita())


@pytest.mark.parametrize(
    "subject",
    ["", "nonsense", "approvals.approvalrequest:999999", "approvals.approvalrequest:x",
     "approvals.gate:1", "ledger.run:1", "auth.user:1"],
)  # fmt: skip
def test_an_unknown_subject_is_named(subject: str) -> None:
    with pytest.raises(UnknownId):
        looking.note_look(subject, by=people.rita())
    assert (
        browser(people.rita()).post("/statistics/looked/", {"subject": subject}).status_code == 404
    )


@pytest.mark.parametrize(
    ("seconds", "seen", "characters"),
    [(-1, 1, 1), (float("nan"), 1, 1), (float("inf"), 1, 1), (1e9, 1, 1), (1, 1.1, 1),
     (1, float("nan"), 1), (1, 1, -1), (1, 1, 10**12)],
)  # fmt: skip
def test_a_reading_that_cannot_be_is_refused(seconds: float, seen: float, characters: int) -> None:
    with pytest.raises(BadInput):
        Reading.checked(seconds, seen, characters)


def test_a_page_tells_it_by_a_post() -> None:
    rita, request = browser(people.rita()), people.asked()
    assert tell(rita, request) == 204
    services.approve(request.pk, by=people.rita())
    assert tell(rita, request, seconds="3.5", seen="0.5", characters="100") == 204
    assert [event.kind for event in Event.objects.filter(actor="user:rita").order_by("id")] == [
        "approvals.looked",
        "approvals.approved",
        "approvals.read",
    ]


@pytest.mark.parametrize("said", [{"seconds": "x"}, {"seconds": "1"}, {"seconds": "nan", "seen": "1",
                                  "characters": "1"}])  # fmt: skip
def test_nonsense_is_422_and_noted_nowhere(said: dict[str, str]) -> None:
    assert tell(browser(people.rita()), decided(people.rita()), **said) == 422
    assert told("approvals.read") == []


def test_it_is_a_post_of_somebody_who_is_signed_in(client: Client) -> None:
    assert client.post("/statistics/looked/", {"subject": "x"}).status_code == 302
    assert browser(people.rita()).get("/statistics/looked/").status_code == 405


def test_opening_a_page_writes_nothing() -> None:
    request = people.asked()
    before = Event.objects.count()
    browser(people.rita()).get(f"/approvals/{request.pk}/")
    assert Event.objects.count() == before


def test_the_history_tells_who_looked_first_and_not_how_anybody_read() -> None:
    request = people.asked()
    looking.note_look(request.subject, by=people.rita())
    services.approve(request.pk, by=people.rita())
    looking.read(request.subject, READING, by=people.rita())
    page = browser(people.person("sam", "Reviewers")).get(f"/approvals/{request.pk}/")
    text = page.content.decode()
    assert "First looked at by rita" in text
    assert "12.5" not in text
    assert "approvals read" not in text


def test_the_history_of_an_escalation_names_who_looked_and_keeps_how_it_was_read() -> None:
    rita, escalation = people.rita(), escalated()
    assert looking.note_look(escalation.subject, by=rita)
    escalations.answer(escalation.pk, by=rita, answer="This one.")
    assert looking.read(escalation.subject, READING, by=rita)
    lines = [entry.what for entry in history.entries(now_is(escalation))]
    assert lines[1:] == ["First looked at by rita", "Answered by rita"]


def test_a_turn_at_a_plan_is_looked_at_and_read_like_any_question() -> None:
    rita, sam = people.rita(), people.person("sam", "Reviewers")
    plan = offered()
    subject = turn(plan).subject
    assert looking.note_look(subject, by=rita)
    assert not looking.note_look(subject, by=sam)
    plans.accept(plan.pk, by=sam)
    assert not looking.read(subject, READING, by=rita)
    assert looking.read(subject, READING, by=sam)
    assert not looking.read(subject, READING, by=sam)
    assert told("plans.looked") == [(subject, "user:rita")]
    assert told("plans.read") == [(subject, "user:sam")]


def test_the_requester_of_a_plan_may_look_at_it_and_a_stranger_may_not() -> None:
    ruth = people.person("ruth")
    subject = turn(offered(people.a_run(requester=ruth))).subject
    assert not looking.note_look(subject, by=people.person("olga", "Operators"))
    assert looking.note_look(subject, by=ruth)


def test_looks_at_plans_and_how_they_were_read_are_on_the_statistics_page() -> None:
    rita, plan = people.rita(), offered()
    client, subject = browser(rita), turn(plan).subject
    assert client.post("/statistics/looked/", {"subject": subject}).status_code == 204
    plans.send_feedback(plan.pk, by=rita, feedback="Shorter.")
    said = {"subject": subject, "seconds": "12", "seen": "1", "characters": "900"}
    assert client.post("/statistics/looked/", said).status_code == 204
    tables = client.get("/statistics/all.json?pattern=plans").json()["tables"]
    assert [row["you_count"] for row in tables["care"]["rows"] if row["you_count"]] == [1]
    assert any(row["median_minutes"] is not None for row in tables["to_look"]["rows"])


def test_the_page_of_a_plan_names_the_turn_while_there_is_one() -> None:
    plan = offered()
    client, subject = browser(people.rita()), turn(plan).subject
    assert f'data-turn="{subject}"' in client.get(f"/plans/{plan.pk}/").content.decode()
    plans.accept(plan.pk, by=people.rita())
    assert "data-turn" not in client.get(f"/plans/{plan.pk}/").content.decode()


def test_an_outsider_does_not_learn_which_rows_there_are() -> None:
    request, outsider = people.asked(), browser(people.otto())
    assert tell(outsider, request) == 403
    gone = {"subject": "approvals.approvalrequest:99999"}
    assert outsider.post("/statistics/looked/", gone).status_code == 403
