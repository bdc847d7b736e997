"""Escalations beside the other kinds: the list, the inbox, runs in doubt, the run's page, the admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.html import escape

from escalations import services, thresholds
from escalations.models import Escalation, Knowledge, Threshold
from ledger.clock import now
from ledger.models import Event
from tests.dashboard.test_inbox_page import in_doubt
from tests.support import people
from tests.support.escalated import QUESTION, about, answered, escalated
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(people.person("olga", "Operators"))
    return client


def text(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return as_shown(response.content.decode())


def rows(html: str) -> list[str]:
    return re.findall(r'<li id="([a-z]+-\d+)"', html)


# ---- The list and the inbox


def test_all_of_them_are_listed_newest_first(rita: Client) -> None:
    first, second = escalated(), escalated()
    services.answer(first.pk, by="rita", answer="Ten.")
    html = text(rita, "/escalations/")
    assert rows(html) == [f"escalation-{second.pk}", f"escalation-{first.pk}"]
    assert "Answered" in html


def test_an_empty_list_says_what_will_come(rita: Client) -> None:
    assert "No agent has been unsure yet" in text(rita, "/escalations/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=pending", ["open"]),
        ("status=answered", ["answered"]),
        ("status=dismissed", ["dismissed"]),
        ("status=expired", ["late", "expired"]),
        ("status=handled", []),
        ("q=norway", ["open"]),
        ("q=the+law", ["answered"]),
        ("agent=other", ["dismissed"]),
        ("risk=high", []),
        ("q=%22", []),
    ],
)
def test_the_filters_find_what_they_say(rita: Client, query: str, found: list[str]) -> None:
    made = {
        "open": about("May we ship to Norway?"),
        "answered": answered("Which rate?", "See the law.", "rita"),
        "dismissed": services.dismiss(escalated(agent_id="other").pk, by="rita"),
        "expired": escalated(),
        "late": escalated(),
    }
    for name in ("expired", "late"):
        past = now() - timedelta(seconds=30)
        Escalation.objects.filter(pk=made[name].pk).update(deadline=past)
    services.expire(made["expired"].pk)
    html = text(rita, f"/escalations/?{query}", **HTMX)
    assert rows(html) == [f"escalation-{made[name].pk}" for name in found]


def test_the_inbox_has_both_kinds_in_one_order_of_urgency(rita: Client) -> None:
    thresholds.create(by=people.root(), agent_id="urgent", confidence=0.7, risk_level="critical")
    usual, urgent = escalated(), escalated(agent_id="urgent")
    high = people.asked(risk_level="high")
    html = text(rita, "/")
    expected = [f"escalation-{urgent.pk}", f"approval-{high.pk}", f"escalation-{usual.pk}"]
    assert rows(html) == expected
    assert "3 agents wait for a person" in html
    assert 'id="count-escalations" data-waits>2<' in html


def test_the_inbox_shows_what_was_just_answered(rita: Client) -> None:
    escalation = answered(QUESTION, "Ten.", "rita")
    assert f"escalation-{escalation.pk}" in text(rita, "/")


# ---- Runs in doubt


def test_runs_in_doubt_stand_there_with_evidence_and_buttons(rita: Client) -> None:
    run = in_doubt()
    html = text(rita, "/escalations/")
    assert f'id="doubt-{run.pk}"' in html
    assert f'action="/runs/{run.pk}/doubt/"' in html
    assert re.findall(r'name="verdict" value="(\w+)"', html) == ["ran", "did_not_run", "abandon"]
    assert "No result was noted" in html
    assert 'name="csrfmiddlewaretoken"' in html


def test_the_buttons_there_settle_it(rita: Client) -> None:
    run = in_doubt()
    html = text(rita, "/escalations/")
    found = re.search(r'name="about" value="([^"]+)"', html)
    assert found is not None
    data = {"verdict": "abandon", "feedback": "Looked.", "about": found[1]}
    assert rita.post(f"/runs/{run.pk}/doubt/", data).status_code == 303
    run.refresh_from_db()
    assert run.status == "failed"
    assert "In doubt" not in text(rita, "/escalations/")


def test_auditors_only_look_at_doubts(client: Client) -> None:
    in_doubt()
    client.force_login(people.person("ada", "Auditors"))
    html = text(client, "/escalations/")
    assert "Your account can only look." in html
    assert 'name="verdict"' not in html


# ---- The admin


def test_operators_set_a_threshold_in_the_admin(olga: Client) -> None:
    data = {
        "agent_id": "escalating",
        "type": "",
        "confidence": "0.85",
        "risk_level": "high",
        "deadline_seconds": "3600",
    }
    assert olga.post("/admin/escalations/threshold/add/", data).status_code == 302
    row = Threshold.objects.get()
    assert (row.agent_id, row.confidence, row.risk_level) == ("escalating", 0.85, "high")
    changed = {"confidence": "0.5", "risk_level": "low", "deadline_seconds": ""}
    assert olga.post(f"/admin/escalations/threshold/{row.pk}/change/", changed).status_code == 302
    row.refresh_from_db()
    assert (row.confidence, row.deadline_seconds) == (0.5, None)
    assert (
        olga.post(f"/admin/escalations/threshold/{row.pk}/delete/", {"post": "yes"}).status_code
        == 302
    )
    actors = {event.actor for event in Event.objects.filter(kind="thresholds.changed")}
    assert (Threshold.objects.count(), actors) == (0, {"user:olga"})
    assert Event.objects.filter(kind="thresholds.changed").count() == 3


@pytest.mark.parametrize(
    "wrong",
    [{"confidence": "1.2"}, {"confidence": ""}, {"agent_id": ""}, {"deadline_seconds": "0"}],
)
def test_a_wrong_threshold_is_refused_beside_its_field(olga: Client, wrong: dict[str, str]) -> None:
    data = {"agent_id": "a", "type": "", "confidence": "0.5", "risk_level": "low", **wrong}
    response = olga.post("/admin/escalations/threshold/add/", data)
    assert response.status_code == 200
    assert "errorlist" in as_shown(response.content.decode())
    assert not Threshold.objects.exists()


def test_operators_correct_and_retire_a_kept_answer_in_the_admin(olga: Client) -> None:
    people.rita()
    row = answered(QUESTION, "Ten percent.", "rita").knowledge
    address = f"/admin/escalations/knowledge/{row.pk}/change/"
    assert escape(QUESTION) in text(olga, address)
    assert olga.post(address, {"answer": "Five.", "retired": "on"}).status_code == 302
    row = Knowledge.objects.get()
    assert row.answer == "Five."
    assert row.retired_at is not None
    assert olga.post(address, {"answer": "Five."}).status_code == 302
    assert Knowledge.objects.get().retired_at is None
    chosen = {"action": "retire", "_selected_action": [row.pk]}
    olga.post("/admin/escalations/knowledge/", chosen)
    assert Knowledge.objects.get().retired_at is not None


def test_nobody_deletes_kept_answers_or_changes_escalations_in_the_admin() -> None:
    people.rita()
    row = answered(QUESTION, "Ten percent.", "rita").knowledge
    root = Client()
    root.force_login(people.root())
    assert root.post(f"/admin/escalations/knowledge/{row.pk}/delete/").status_code == 403
    address = f"/admin/escalations/escalation/{row.escalation_id}/"
    html = text(root, f"{address}change/")
    assert escape(QUESTION) in html
    assert f'href="/escalations/{row.escalation_id}/"' in html
    assert root.post(f"{address}change/", {"status": "pending"}).status_code == 403
    assert root.post(f"{address}delete/").status_code == 403
