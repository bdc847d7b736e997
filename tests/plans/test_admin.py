"""Plans in the admin: versions, steps, tries, turns and what was said are shown, never changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.models import Event
from plans import asking, progress, services
from plans.models import Plan, PlanMessage, PlanStep, PlanTurn, PlanVersion, StepRun
from tests.support import people, plan_stories

pytestmark = pytest.mark.django_db

TABLES: dict[str, Any] = {
    "plan": Plan,
    "planversion": PlanVersion,
    "planstep": PlanStep,
    "steprun": StepRun,
    "planmessage": PlanMessage,
    "planturn": PlanTurn,
}
WORDS = {  # what the page of the newest row shows
    "plan": plan_stories.GOAL,
    "planversion": "Which month?",
    "planstep": "Three lines.",
    "steprun": "The pages are read.",
    "planmessage": "Two pages.",
    "planturn": "Two pages.",
}
each_table = pytest.mark.parametrize("table", TABLES)


@pytest.fixture
def root(client: Client) -> Client:
    """A superuser: what they may not do, nobody may."""
    client.force_login(people.root())
    return client


def told() -> Plan:
    """A plan of which every table has a row."""
    plan = plan_stories.offered(people.a_run(), questions=("Which month?",))
    services.accept(plan.pk, by=people.rita(), feedback="Two pages.")
    progress.next_for(plan.pk)
    progress.finish_step(plan.pk, "s1", 1, {"text": "The pages are read."})
    return plan


def newest(table: str) -> int:
    pk: int = TABLES[table].objects.latest("pk").pk
    return pk


@each_table
def test_superusers_see_it_and_cannot_touch_it(table: str, root: Client) -> None:
    told()
    address, before = f"/admin/plans/{table}/", Event.objects.newest()
    assert root.get(address).status_code == 200
    change = f"{address}{newest(table)}/change/"
    page = root.get(change).content.decode()
    assert WORDS[table] in page
    assert "_save" not in page
    assert root.post(change, {"status": "stopped", "goal": "x", "title": "x"}).status_code == 403
    assert root.get(f"{address}add/").status_code == 403
    deleted = root.post(f"{address}{newest(table)}/delete/", {"post": "yes"})
    assert deleted.status_code == 403
    assert Event.objects.newest() == before


@each_table
def test_no_list_offers_to_delete(table: str, root: Client) -> None:
    told()
    address, before = f"/admin/plans/{table}/", TABLES[table].objects.count()
    assert b"delete_selected" not in root.get(address).content
    chosen = {"action": "delete_selected", "_selected_action": [str(newest(table))]}
    root.post(address, chosen)
    assert TABLES[table].objects.count() == before


@each_table
def test_auditors_see_the_same_and_reviewers_have_no_admin(table: str, client: Client) -> None:
    told()
    change = f"/admin/plans/{table}/{newest(table)}/change/"
    client.force_login(people.person("ada", "Auditors", is_staff=True))
    assert WORDS[table] in client.get(change).content.decode()
    assert client.post(change, {}).status_code == 403
    client.force_login(people.person("rosa", "Reviewers"))
    assert client.get(change).status_code == 302


@each_table
def test_a_list_asks_the_same_number_of_queries_however_long_it_is(
    table: str, root: Client
) -> None:
    told()
    address = f"/admin/plans/{table}/"
    root.get(address)  # content types are cached from here on
    with CaptureQueriesContext(connection) as few:
        root.get(address)
    for _ in range(3):
        told()
    with CaptureQueriesContext(connection) as many:
        root.get(address)
    assert len(many) == len(few)


def test_plans_and_turns_lead_to_the_page_where_they_are_worked_on(root: Client) -> None:
    plan = told()
    for table in ("plan", "planturn"):
        page = root.get(f"/admin/plans/{table}/{newest(table)}/change/").content.decode()
        assert f'href="/plans/{plan.pk}/"' in page


def test_plans_are_found_by_status_run_and_goal(root: Client) -> None:
    plan = told()
    other = plan_stories.begun(people.a_run())
    Plan.objects.filter(pk=other.pk).update(goal="Something else")
    for query in ("status__exact=executing", f"run_id={plan.run_id}", "q=monthly"):
        shown = root.get(f"/admin/plans/plan/?{query}").context["cl"].result_list
        assert [row.pk for row in shown] == [plan.pk], query


def test_what_prints_nothing_is_spelled_out(root: Client) -> None:
    plan = plan_stories.begun()
    Plan.objects.filter(pk=plan.pk).update(goal="pay\u202eflow")
    asking.fail(plan.pk, "No \u200bplan.", "I\u202e will not.")
    for page in ("/admin/plans/plan/", f"/admin/plans/plan/{plan.pk}/change/"):
        content = root.get(page).content.decode()
        assert "\u202e" not in content
        assert r"pay\u202eflow" in content
    assert r"I\u202e will not." in content
