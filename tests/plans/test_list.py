"""The list of all plans: what it shows, filters, pages, and who may see it."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger import runs
from ledger.models import Run
from ledger.statements import paging
from plans import services
from plans.models import Plan
from plans.versions.steps import MoveStep
from tests.support import people, plan_stories
from tests.support.markup import as_shown
from tests.support.plan_stories import again

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
LIST = "/plans/"


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def text(client: Client, address: str = LIST, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return as_shown(response.content.decode())


def rows(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<li id="plan-row-(\d+)"', html)]


def found(client: Client, **query: str) -> list[int]:
    return rows(as_shown(client.get(LIST, query).content.decode()))


@pytest.fixture
def one_of_each() -> dict[str, int]:
    """A plan in every state that can be shown, by a name for it."""
    rita = people.rita()
    made = {
        "drafting": plan_stories.begun(people.a_run()),
        "awaiting": plan_stories.offered(people.a_run()),
        "revising": plan_stories.offered(),
        "accepted": plan_stories.accepted(),
        "stopped": plan_stories.offered(),
        "run cancelled": plan_stories.offered(people.a_run()),
        "run failed": plan_stories.begun(people.a_run()),
    }
    services.send_feedback(made["revising"].pk, by=rita, feedback="Shorter.")
    services.stop(made["stopped"].pk, by=rita)
    runs.cancel(made["run cancelled"].run_id, actor="user:rita")
    failed = made["run failed"].run_id or 0
    Run.objects.filter(pk=failed).update(status=Run.Status.FAILED)
    return {name: plan.pk for name, plan in made.items()}


# ---- What it shows


def test_all_of_them_are_listed_newest_first(rita: Client) -> None:
    first, second = plan_stories.offered(), plan_stories.begun()
    html = text(rita)
    assert rows(html) == [second.pk, first.pk]
    assert "Awaiting feedback" in html
    assert f'href="/plans/{first.pk}/"' in html


def test_an_empty_list_says_what_will_come(rita: Client) -> None:
    assert "No agent has made a plan yet" in text(rita)


def test_the_figures_of_the_page_stand_above_its_rows(rita: Client) -> None:
    plan, user = plan_stories.offered(), people.rita()
    services.edit(plan.pk, [MoveStep("s2", -1)], by=user)
    services.send_feedback(plan.pk, by=user, feedback="Shorter.")
    html = text(rita)
    assert "% of steps edited by people" in html
    assert "waiting for people" in html
    assert "until acceptance" not in html
    plan_stories.accepted()
    assert "0 rounds until acceptance on average" in text(rita)


def test_a_goal_that_hides_something_is_marked(rita: Client) -> None:
    plan = plan_stories.offered()
    Plan.objects.filter(pk=plan.pk).update(goal="Pay\u202e <b>now</b>")
    html = text(rita)
    assert "\u202e" not in html
    assert "&lt;b&gt;now&lt;/b&gt;" in html


# ---- Filters


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("drafting", ["drafting"]),
        ("awaiting_feedback", ["awaiting"]),
        ("revising", ["revising"]),
        ("accepted", ["accepted"]),
        ("executing", []),
        ("completed", []),
        ("stopped", ["run cancelled", "stopped"]),
        ("failed", ["run failed"]),
    ],
)
def test_the_status_filter_goes_by_what_is_shown(
    rita: Client, one_of_each: dict[str, int], status: str, names: list[str]
) -> None:
    assert found(rita, status=status) == [one_of_each[name] for name in names]
    for name in names:
        assert Plan.objects.select_related("run").get(pk=one_of_each[name]).shown_status == status


def test_what_no_select_offers_filters_nothing(rita: Client, one_of_each: dict[str, int]) -> None:
    assert found(rita, status="no such status", risk="tiny") == sorted(
        one_of_each.values(), reverse=True
    )


@pytest.mark.parametrize("words", ["MONTHLY report", "other-bot", "Collect the", "100%"])
def test_the_text_filter_looks_at_goal_agent_and_titles_of_steps(rita: Client, words: str) -> None:
    plan_stories.begun()
    Plan.objects.update(goal="Something else")
    wanted = plan_stories.offered()
    goal = "The monthly report is 100% done"
    Plan.objects.filter(pk=wanted.pk).update(goal=goal, agent_id="other-bot")
    assert found(rita, q=words) == [wanted.pk]


def test_filters_combine_and_say_when_nothing_matches(rita: Client) -> None:
    plan = plan_stories.offered()
    plan_stories.begun()
    assert found(rita, risk="medium", agent="interactive", status="awaiting_feedback") == [plan.pk]
    html = as_shown(rita.get(LIST, {"risk": "high", "q": "zzz"}).content.decode())
    assert "Nothing matches “zzz”, high risk" in html
    assert rows(html) == []


def test_htmx_gets_the_list_alone_and_an_address_that_leads_back_to_it(rita: Client) -> None:
    plan = plan_stories.offered()
    response = rita.get(f"{LIST}?status=awaiting_feedback", headers=HTMX)
    assert response["HX-Push-Url"] == f"{LIST}?status=awaiting_feedback"
    assert rows(as_shown(response.content.decode())) == [plan.pk]
    assert "<html" not in as_shown(response.content.decode())


# ---- Pages


def test_older_plans_are_a_page_further_and_none_is_shown_twice(
    rita: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging.newest_first, "__kwdefaults__", {"size": 2, "reach": None})
    made = [plan_stories.begun().pk for _ in range(5)]
    seen, address = [], LIST
    while address:
        html = text(rita, address)
        seen += rows(html)
        more = re.search(r'href="([^"]*before=\d+[^"]*)"', html)
        address = more[1].replace("&amp;", "&") if more else ""
    assert seen == made[::-1]
    later = text(rita, f"{LIST}?before={made[2]}")
    assert "Back to the newest" in later
    assert rows(later) == made[1::-1]


def test_the_rows_of_the_next_page_come_alone(rita: Client) -> None:
    first, second = plan_stories.begun(), plan_stories.begun()
    html = text(rita, f"{LIST}?before={second.pk}&more=1", **HTMX)
    assert rows(html) == [first.pk]
    assert "lane-head" not in html


def test_a_cursor_that_is_none_shows_the_first_page(rita: Client) -> None:
    plan = plan_stories.begun()
    assert rows(text(rita, f"{LIST}?before=x")) == [plan.pk]


# ---- Who may see it


@pytest.mark.parametrize("group", ["Reviewers", "Auditors", "Operators"])
def test_reviewers_auditors_and_operators_see_plans(client: Client, group: str) -> None:
    plan = again(plan_stories.offered())
    client.force_login(people.person("somebody", group))
    assert rows(text(client)) == [plan.pk]


def test_nobody_else_does(client: Client) -> None:
    plan = plan_stories.offered()
    response = client.get(LIST)
    assert response.status_code == 302
    assert "next=/plans/" in response["Location"]
    client.force_login(people.otto())
    for address in (LIST, f"/plans/{plan.pk}/", f"/plans/{plan.pk}/versions/1/"):
        refused = client.get(address)
        assert refused.status_code == 403
        assert plan.goal not in as_shown(refused.content.decode())


# ---- What it costs


def test_a_row_costs_a_few_queries_at_most(rita: Client) -> None:
    """The figures above the rows are counted for each plan; the rows themselves ask nothing."""
    plan_stories.offered()
    text(rita)
    address = f"{LIST}?more=1"
    with CaptureQueriesContext(connection) as few:
        text(rita, address, **HTMX)
    for _ in range(5):
        plan_stories.offered()
    with CaptureQueriesContext(connection) as many:
        text(rita, address, **HTMX)
    assert len(many) == len(few)
