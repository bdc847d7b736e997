"""The three groups come with the database, and each may do what its name says."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from approvals.models import Gate
from hitl_agents.models import AllowedHost
from tests.support import people

pytestmark = pytest.mark.django_db

SEEN_BY_ALL = {
    "ledger.view_run",
    "ledger.view_event",
    "approvals.view_approvalrequest",
    "escalations.view_escalation",
    "reviews.view_reviewitem",
    "plans.view_plan",
}
RECORD = {"ledger.view_journalentry", "ledger.view_runner", "approvals.view_gate"} | {
    "escalations.view_threshold",
    "escalations.view_knowledge",
    "reviews.view_outputtype",
    "reviews.view_trylimit",
    "plans.view_planversion",
    "plans.view_planturn",
    "plans.view_planstep",
    "plans.view_steprun",
    "plans.view_planmessage",
}
HOSTS = "hitl_agents.view_allowedhost"
EXPECTED = {
    "Reviewers": SEEN_BY_ALL
    | {"approvals.decide_approvalrequest", "escalations.answer_escalation", "ledger.resolve_run"}
    | {"reviews.decide_reviewitem", "plans.decide_plan"},
    "Auditors": SEEN_BY_ALL | RECORD | {HOSTS, "figures.view_reviewers"},
    "Operators": SEEN_BY_ALL
    | RECORD
    | {
        HOSTS,
        "hitl_agents.add_allowedhost",
        "hitl_agents.change_allowedhost",
        "hitl_agents.delete_allowedhost",
    }
    | {"approvals.add_gate", "approvals.change_gate", "escalations.change_knowledge"}
    | {f"escalations.{verb}_threshold" for verb in ("add", "change", "delete")}
    | {f"reviews.{verb}_{row}" for verb in ("add", "change") for row in ("outputtype", "trylimit")}
    | {"ledger.add_run", "ledger.cancel_run", "ledger.resolve_run"},
}
PAGES = (
    "ledger/run",
    "ledger/event",
    "ledger/journalentry",
    "ledger/runner",
    "approvals/approvalrequest",
    "approvals/gate",
    "escalations/escalation",
    "escalations/threshold",
    "escalations/knowledge",
    "reviews/reviewitem",
    "reviews/outputtype",
    "reviews/trylimit",
    "plans/plan",
    "hitl_agents/allowedhost",
)
MIGRATIONS = (
    "approvals.migrations.0002_groups",
    "hitl_agents.migrations.0002_groups",
    "escalations.migrations.0003_groups",
    "reviews.migrations.0002_groups",
    "plans.migrations.0002_groups",
    "figures.migrations.0002_groups",
)


def make_groups() -> None:
    """Run the migrations' steps once more, as a database that was flushed needs it."""
    with connection.schema_editor() as editor:
        for module in MIGRATIONS:
            (step,) = import_module(module).Migration.operations
            step.code(apps, editor)


def permissions(group: str) -> set[str]:
    """What the group may do, as "app.codename"."""
    found = Group.objects.get(name=group).permissions.select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}" for each in found}


def member(name: str, group: str) -> Client:
    """A browser in which a new member of the group is signed in."""
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("group", EXPECTED)
def test_each_group_may_do_exactly_this(group: str) -> None:
    assert permissions(group) == EXPECTED[group]


@pytest.mark.parametrize("group", EXPECTED)
def test_no_group_may_delete_or_add_what_is_record(group: str) -> None:
    record = {
        "run",
        "event",
        "journalentry",
        "runner",
        "approvalrequest",
        "escalation",
        "reviewitem",
    }
    changing = {f"{word}_{model}" for model in record for word in ("change", "delete")}
    assert not {each.split(".")[1] for each in permissions(group)} & changing


@pytest.mark.django_db(transaction=True)
def test_the_groups_can_be_made_again_and_keep_what_was_granted_besides() -> None:
    make_groups()
    besides = Group.objects.get(name="Reviewers")
    besides.permissions.add(*Group.objects.get(name="Operators").permissions.all())
    make_groups()
    assert Group.objects.count() == len(EXPECTED)
    assert permissions("Reviewers") == EXPECTED["Reviewers"] | EXPECTED["Operators"]
    assert permissions("Auditors") == EXPECTED["Auditors"]


@pytest.mark.parametrize(
    ("group", "status"), [("Auditors", 200), ("Operators", 200), ("Reviewers", 403)]
)
def test_joining_auditors_or_operators_is_all_it_takes_to_enter_the_admin(
    group: str, status: int
) -> None:
    client = member("kim", group)
    assert client.get("/admin/", follow=True).status_code == status


@pytest.mark.parametrize(
    ("group", "shown"), [("Auditors", True), ("Operators", True), ("Reviewers", False)]
)
def test_the_menu_leads_those_who_may_enter_to_the_admin(group: str, shown: bool) -> None:
    page = member("kim", group).get("/runs/").content.decode()
    assert ('href="/admin/"' in page) is shown


def test_leaving_the_group_closes_the_admin_again() -> None:
    client = member("kim", "Auditors")
    User.objects.get(username="kim").groups.clear()
    assert client.get("/admin/ledger/event/").status_code in (302, 403)


@pytest.mark.parametrize("page", PAGES)
def test_auditors_see_every_list_and_can_add_nothing(page: str) -> None:
    client = member("kim", "Auditors")
    assert client.get(f"/admin/{page}/").status_code == 200
    assert client.get(f"/admin/{page}/add/").status_code == 403
    assert client.post(f"/admin/{page}/add/", {"name": "x", "host": "a.example"}).status_code == 403


def test_auditors_cannot_change_a_gate_or_a_host() -> None:
    gate, host = people.gate("mail"), AllowedHost.objects.create(host="api.example.org")
    client = member("kim", "Auditors")
    for page in (f"approvals/gate/{gate.pk}", f"hitl_agents/allowedhost/{host.pk}"):
        assert client.get(f"/admin/{page}/change/").status_code == 200
        answer = client.post(f"/admin/{page}/change/", {"risk_threshold": "critical"})
        assert answer.status_code == 403
    assert Gate.objects.get(pk=gate.pk).risk_threshold == "medium"


def test_operators_list_hosts() -> None:
    client = member("olga", "Operators")
    answer = client.post(
        "/admin/hitl_agents/allowedhost/add/", {"host": "api.example.org", "note": ""}
    )
    assert answer.status_code == 302
    assert AllowedHost.objects.get().host == "api.example.org"


@pytest.mark.parametrize("group", ["Auditors", "Operators"])
def test_accounts_and_groups_are_for_superusers(group: str) -> None:
    client = member("kim", group)
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/auth/group/").status_code == 403
    root = Client()
    root.force_login(people.root())
    assert root.get("/admin/auth/user/").status_code == 200
    assert root.get("/admin/auth/group/").status_code == 200
