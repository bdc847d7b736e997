"""The admin: the record is only shown, gates change through the log, and long lists stay quick."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import gates
from approvals.models import ApprovalRequest, Gate
from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.log.calendar import CalendarQuerySet
from ledger.models import Event
from ledger.transitions import record
from tests.support import people
from tests.support.run_stories import Story, in_doubt

pytestmark = pytest.mark.django_db

RECORD = ["ledger/run", "ledger/journalentry", "ledger/event", "ledger/runner"]
READ_ONLY = [*RECORD, "approvals/approvalrequest"]
EVENTS = "/admin/ledger/event/"


@pytest.fixture
def root(client: Client) -> Client:
    """A superuser: what they may not do, nobody may."""
    client.force_login(people.root())
    return client


@pytest.fixture
def story() -> Story:
    return in_doubt()


def newest(page: str, story: Story) -> Any:
    """The key of a row of that admin page."""
    return {
        "ledger/run": story.pk,
        "ledger/journalentry": story.entry.pk,
        "ledger/event": Event.objects.latest("pk").pk,
        "ledger/runner": story.runner,
        "approvals/approvalrequest": story.request.pk,
    }[page]


def shown(response: Any) -> set[int]:
    """The ids that a list shows."""
    return {row.pk for row in response.context["cl"].result_list}


# ---- The record


@pytest.mark.parametrize("page", READ_ONLY)
def test_superusers_see_the_record_and_cannot_touch_it(
    page: str, root: Client, story: Story
) -> None:
    pk = newest(page, story)
    assert root.get(f"/admin/{page}/").status_code == 200
    change = f"/admin/{page}/{pk}/change/"
    assert root.get(change).status_code == 200
    assert root.post(change, {"status": "completed", "kind": "x"}).status_code == 403
    assert root.get(f"/admin/{page}/add/").status_code == 403
    assert root.post(f"/admin/{page}/{pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", READ_ONLY)
def test_no_list_of_the_record_offers_to_delete(page: str, root: Client, story: Story) -> None:
    before = Event.objects.count()
    response = root.get(f"/admin/{page}/")
    assert b"delete_selected" not in response.content
    root.post(f"/admin/{page}/", {"action": "delete_selected", "_selected_action": ["1"]})
    assert Event.objects.count() == before


def test_a_request_is_decided_on_its_page_and_not_here(root: Client) -> None:
    request = people.asked()
    page = root.get(f"/admin/approvals/approvalrequest/{request.pk}/change/").content.decode()
    assert f'href="/approvals/{request.pk}/"' in page
    assert "ana@example.org" in page
    assert request.digest in page
    assert "_save" not in page


def test_a_run_links_to_its_page(root: Client, story: Story) -> None:
    page = root.get(f"/admin/ledger/run/{story.pk}/change/").content.decode()
    assert f'href="/runs/{story.pk}/"' in page


def test_what_prints_nothing_is_spelled_out(root: Client) -> None:
    run = Story("pay\u202eflow\u200b").run
    for page in ("/admin/ledger/run/", f"/admin/ledger/run/{run.pk}/change/"):
        content = root.get(page).content.decode()
        assert "\u202e" not in content
        assert r"pay\u202eflow\u200b" in content


# ---- The log's list


def test_events_are_found_by_kind_actor_run_and_subject(root: Client, story: Story) -> None:
    other = Story("Something else").claim()
    asked = f"approvals.approvalrequest:{story.request.pk}"
    queries: dict[str, dict[str, Any]] = {
        "kind=runs.submitted": {"kind": "runs.submitted"},
        "actor=user:rita": {"actor": "user:rita"},
        "actor=runner:": {"actor__startswith": "runner:"},
        f"run_id={other.pk}": {"run_id": other.pk},
        f"q={asked}": {"subject": asked},
        "q=ledger.run:": {"subject__startswith": "ledger.run:"},
        f"run_id={story.pk}&kind=approvals.approved": {
            "run_id": story.pk,
            "kind": "approvals.approved",
        },
    }
    for query, wanted in queries.items():
        expected = set(Event.objects.filter(**wanted).values_list("pk", flat=True))
        assert expected
        assert shown(root.get(f"{EVENTS}?{query}")) == expected, query


def test_a_subject_is_not_found_by_the_beginning_of_its_number(root: Client) -> None:
    for number in (4, 42):
        record("tests.done", f"tests.thing:{number}", actor="system")
    (found,) = root.get(f"{EVENTS}?q=tests.thing:4").context["cl"].result_list
    assert found.subject == "tests.thing:4"


def test_events_are_found_by_time(root: Client) -> None:
    old, new = (_logged_at(datetime(2026, month, 10, 12, tzinfo=UTC)) for month in (1, 3))
    assert shown(root.get(f"{EVENTS}?at__gte=2026-02-01T00:00&at__lt=2026-04-01T00:00")) == {new}
    assert shown(root.get(f"{EVENTS}?at__lt=2026-02-01T00:00")) >= {old}
    assert new not in shown(root.get(f"{EVENTS}?at__lt=2026-03-10T12:00:00"))
    assert new in shown(root.get(f"{EVENTS}?at__gte=2026-03-10T12:00:00"))
    assert shown(root.get(f"{EVENTS}?at__year=2026&at__month=3")) == {new}


def _logged_at(at: datetime) -> int:
    """An event of another time; the log itself would not take one."""
    last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    fields = {"kind": "tests.done", "subject": "tests.thing:1", "actor": "system"}
    Event.objects.bulk_create([Event(id=last + 1, at=at, hash="0" * 64, **fields)])
    return last + 1


def test_the_calendar_leads_from_years_to_months_to_days(root: Client) -> None:
    for at in (datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2026, 3, 10, 12, tzinfo=UTC)):
        _logged_at(at)
    years = root.get(f"{EVENTS}?at__lt=2026-04-01T00:00").content.decode()
    for year in (2024, 2025, 2026):
        assert f"at__year={year}" in years
    months = root.get(f"{EVENTS}?at__lt=2026-04-01T00:00&at__year=2026").content.decode()
    assert "at__month=3" in months
    assert "at__month=4" not in months
    days = root.get(f"{EVENTS}?at__year=2026&at__month=3").content.decode()
    assert "at__day=10" in days
    assert "at__day=11" not in days


@pytest.mark.parametrize("kind", ["year", "month", "day"])
def test_no_period_with_events_is_left_out_of_the_calendar(
    kind: Literal["year", "month", "day"],
) -> None:
    for at in (datetime(2024, 2, 29, 23, tzinfo=UTC), datetime(2025, 1, 31, 1, tzinfo=UTC)):
        _logged_at(at)
    expected = Event.objects.datetimes("at", kind)
    found = CalendarQuerySet(Event).datetimes("at", kind)
    assert set(expected) <= set(found)
    assert found == sorted(set(found))
    assert CalendarQuerySet(Event).none().datetimes("at", kind) == []


@pytest.mark.parametrize("query", ["at__gte=yesterday", "at__lt=2026-02-31T00:00", "run_id=two"])
def test_a_filter_that_says_nothing_does_not_fail(query: str, root: Client) -> None:
    response = root.get(f"{EVENTS}?{query}")
    assert response.status_code == 302
    assert root.get(response["Location"]).status_code == 200


def test_a_filter_keeps_the_others(root: Client) -> None:
    page = root.get(f"{EVENTS}?kind=runs.started&actor=user:ana").content.decode()
    assert '<input type="hidden" name="kind" value="runs.started">' in page
    assert '<input type="hidden" name="actor" value="user:ana">' in page


def test_every_kind_in_the_log_can_be_chosen(root: Client, story: Story) -> None:
    page = root.get(EVENTS).content.decode()
    for kind in Event.objects.values_list("kind", flat=True).distinct():
        assert page.count(f'href="?kind={kind}"') == 1


def test_the_whole_log_is_never_counted(root: Client, story: Story) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = root.get(EVENTS)
    assert response.context["cl"].result_count == Event.objects.count()
    counting = [q["sql"] for q in queries if "COUNT(" in q["sql"] and "ledger_event" in q["sql"]]
    assert counting == []


@pytest.mark.parametrize("page", READ_ONLY)
def test_a_list_asks_the_same_number_of_queries_however_long_it_is(
    page: str, root: Client, story: Story
) -> None:
    root.get(f"/admin/{page}/")  # content types are cached from here on
    with CaptureQueriesContext(connection) as few:
        root.get(f"/admin/{page}/")
    for number in range(3):
        in_doubt(requester=people.otto(), task=f"Task {number}", runner=f"runner-{number + 2}")
    with CaptureQueriesContext(connection) as many:
        root.get(f"/admin/{page}/")
    assert len(many) == len(few)


# ---- Gates


def changed(gate: Gate, **fields: Any) -> dict[str, Any]:
    """The form of a gate with these fields changed."""
    form: dict[str, Any] = {
        "risk_threshold": gate.risk_threshold,
        "deadline_seconds": gate.deadline_seconds or "",
        "deciders": list(gate.deciders.values_list("pk", flat=True)),
    }
    return form | fields


def test_a_changed_gate_is_in_the_log_with_the_rule_before_and_after(client: Client) -> None:
    olga = people.person("olga", "Operators")
    client.force_login(olga)
    gate, operators = people.gate("mail"), Group.objects.get(name="Operators")
    before = gate.rule
    form = changed(gate, risk_threshold="high", deadline_seconds=60, deciders=[operators.pk])
    assert client.post(f"/admin/approvals/gate/{gate.pk}/change/", form).status_code == 302
    gate.refresh_from_db()
    event = Event.objects.get(kind="gates.changed", actor__startswith="user:")
    assert (event.actor, event.subject) == ("user:olga", f"approvals.gate:{gate.pk}")
    assert event.payload == {"before": before, "after": gate.rule}
    assert gate.rule == {
        "gate": "mail",
        "threshold": "high",
        "deadline_seconds": 60,
        "deciders": ["Operators"],
    }


def test_saving_a_gate_unchanged_writes_nothing(root: Client) -> None:
    gate = people.gate("mail")
    root.post(f"/admin/approvals/gate/{gate.pk}/change/", changed(gate))
    assert not Event.objects.filter(kind="gates.changed", actor__startswith="user:").exists()


def test_requests_that_wait_keep_the_rule_they_were_asked_under(root: Client) -> None:
    request = people.asked()
    form = changed(request.gate, deadline_seconds=5, deciders=[])
    root.post(f"/admin/approvals/gate/{request.gate_id}/change/", form)
    kept = ApprovalRequest.objects.get(pk=request.pk)
    assert (kept.rule, kept.deadline) == (request.rule, request.deadline)


def test_a_new_gate_is_in_the_log(root: Client) -> None:
    form = {"name": "payments", "risk_threshold": "low", "deadline_seconds": "", "deciders": []}
    assert root.post("/admin/approvals/gate/add/", form).status_code == 302
    gate = Gate.objects.get(name="payments")
    event = Event.objects.get(kind="gates.changed", actor__startswith="user:")
    assert event.payload == {"before": None, "after": gate.rule}
    assert gate.deadline_seconds is None


@pytest.mark.parametrize(
    "wrong", [{"deadline_seconds": 0}, {"deadline_seconds": -1}, {"risk_threshold": "tiny"}]
)
def test_a_rule_that_makes_no_sense_is_refused_beside_the_field(
    wrong: dict[str, Any], root: Client
) -> None:
    gate = people.gate("mail")
    response = root.post(f"/admin/approvals/gate/{gate.pk}/change/", changed(gate, **wrong))
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == list(wrong)
    gate.refresh_from_db()
    assert (gate.risk_threshold, gate.deadline_seconds) == ("medium", 86400)


def test_a_gate_keeps_its_name(root: Client) -> None:
    gate = people.gate("mail")
    root.post(f"/admin/approvals/gate/{gate.pk}/change/", changed(gate, name="post"))
    gate.refresh_from_db()
    assert gate.name == "mail"


def test_a_gate_is_never_deleted(root: Client) -> None:
    gate = people.gate("mail")
    assert root.post(f"/admin/approvals/gate/{gate.pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in root.get("/admin/approvals/gate/").content
    assert Gate.objects.filter(pk=gate.pk).exists()


def test_the_verbs_of_gates_check_who_and_what() -> None:
    gate, rita, root = people.gate("mail"), people.rita(), people.root()
    rule: dict[str, Any] = {"risk_threshold": "low", "deadline_seconds": 60, "deciders": []}
    with pytest.raises(NotAllowed):
        gates.change(gate.pk, by=rita, **rule)
    with pytest.raises(NotAllowed):
        gates.create("new", by=rita)
    with pytest.raises(UnknownId):
        gates.change(gate.pk + 1, by=root, **rule)
    for wrong in ({"risk_threshold": "tiny"}, {"deadline_seconds": 0}):
        with pytest.raises(BadInput):
            gates.change(gate.pk, by=root, **{**rule, **wrong})
    for name in ("", "  ", "mail", "x" * 201):
        with pytest.raises(BadInput):
            gates.create(name, by=root)
    assert not Event.objects.filter(kind="gates.changed", actor__startswith="user:").exists()
    assert gates.create("new", by=root).rule["deciders"] == []
