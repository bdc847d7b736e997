"""The frame of every page: what waits, who runs, where one can go, and what errors say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.test import Client
from django.urls import include, path

from approvals import services
from approvals.models import Gate
from dashboard.frame.context import Shell
from ledger.clock import now
from ledger.models import Event, Run, Runner
from tests.support.markup import as_shown

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def page(request: HttpRequest) -> HttpResponse:
    context = {"cursor": Event.objects.newest()} if "live" in request.GET else {}
    for text in request.GET.getlist("say"):
        messages.success(request, text)
    return render(request, "base.html", context)


def fails(error: Exception) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


urlpatterns = [
    path("", page, name="inbox"),
    path("approvals/", include(([path("", page, name="index")], "approvals"))),
    path("runs/", include(([path("", page, name="index")], "runs"))),
    path("statistics/", include(([path("", page, name="page")], "statistics"))),
    path("accounts/", include("allauth.urls")),
    path("admin/", site.urls),
    path("403/", fails(PermissionDenied())),
    path("404/", fails(Http404("There is no request 9999"))),
    path("400/", fails(BadRequest())),
    path("500/", fails(RuntimeError("secret"))),
]
handler403 = "dashboard.frame.errors.show_denial"

PERMISSIONS = ["view_approvalrequest", "view_run"]


@pytest.fixture
def mara() -> User:
    user = User.objects.create_user("mara", password="pw", first_name="Mara", last_name="Köhler")
    user.user_permissions.set(Permission.objects.filter(codename__in=PERMISSIONS))
    return user


@pytest.fixture
def browser(mara: User) -> Client:
    client = Client()
    client.force_login(mara)
    return client


def ask(risk: str = "high", **changes: Any) -> None:
    gate, _ = Gate.objects.get_or_create(name="mail")
    request = services.ask(gate=gate, agent_id="a", action="notify", details={}, risk_level=risk)
    if changes:
        type(request).objects.filter(pk=request.pk).update(**changes)


def text(client: Client, address: str = "/", **headers: Any) -> str:
    return as_shown(client.get(address, headers=headers).content.decode())


def test_the_title_and_the_menu_count_what_waits(browser: Client) -> None:
    assert "<title>· hitl" in text(browser)
    ask("high")
    ask("critical")
    ask("critical", deadline=now() - timedelta(seconds=1))  # too late: no longer waits
    Run.objects.create(agent="gated", agent_id="a", status=Run.Status.IN_DOUBT)
    Run.objects.create(agent="gated", agent_id="a", status=Run.Status.COMPLETED)
    html = text(browser)
    assert "<title>(3) " in html
    assert 'id="count-inbox">3<' in html
    assert '<span class="count is-critical" id="count-approvals" data-waits>2<' in html
    assert 'id="count-runs">1<' in html


def test_the_frame_costs_three_small_queries(mara: User, django_assert_num_queries: Any) -> None:
    user = User.objects.get(pk=mara.pk)
    assert user.has_perm("ledger.view_run")  # Django's own two, kept for the request
    with django_assert_num_queries(3):
        frame = Shell(user, "/")
        assert [len(group.entries) for group in frame.groups] == [1, 1, 2]
        assert frame.runners["alive"] == 0
        assert frame.pending == 0
    with django_assert_num_queries(0):
        Shell(user, "/")


def test_who_may_see_nothing_is_told_no_figure() -> None:
    User.objects.create_user("otto", password="pw")
    client = Client()
    assert client.login(username="otto", password="pw")
    ask()
    html = text(client)
    assert "(1)" not in html
    assert "Approvals" not in html
    assert "Runs" not in html
    assert "Admin" not in html


def test_the_current_entry_is_marked_and_the_admin_is_for_those_who_may_enter_it(
    browser: Client, mara: User
) -> None:
    html = text(browser, "/runs/")
    assert '<a href="/runs/" aria-current="page">' in html
    assert html.count("aria-current") == 1
    assert "/admin/" not in html
    mara.is_staff = True
    mara.save()
    assert '<a href="/admin/">' in text(browser)


def test_it_says_whether_a_runner_is_alive(browser: Client) -> None:
    assert "No runner has been started yet." in text(browser)
    seen = now() - timedelta(seconds=3)
    Runner.objects.create(name="r1", host="h", pid=1, started_at=seen, seen_at=seen)
    html = text(browser)
    assert "no-runner" not in html
    assert "1 runner, last sign <time" in html
    Runner.objects.update(seen_at=now() - timedelta(minutes=5))
    html = text(browser)
    assert "No runner is alive since <time" in html
    assert "You can decide; nothing runs until one is back." in html


def test_it_says_when_the_demo_model_answers(browser: Client, settings: Any) -> None:
    assert "Demo model answers" in text(browser)
    settings.HITL_DEMO_MODEL = False
    assert "Demo model answers" not in text(browser)


def test_a_page_that_reads_its_cursor_is_live(browser: Client) -> None:
    assert "data-live" not in text(browser)
    assert 'data-live="/ws/live/" data-cursor="0"' in text(browser, "/?live=1")
    ask()
    assert f'data-cursor="{Event.objects.newest()}"' in text(browser, "/?live=1")
    assert Event.objects.newest() > 0


def test_messages_are_toasts_and_stay_text(browser: Client) -> None:
    html = text(browser, "/?say=<b>Saved")
    assert '<div class="toast-note is-yes" role="status">' in html
    assert "&lt;b&gt;Saved" in html


def test_htmx_swaps_answers_that_say_why_a_decision_did_not_count(browser: Client) -> None:
    html = text(browser)
    assert '"code": "403|409|410|412|422|503", "swap": true' in html
    assert '"allowEval": false' in html
    assert 'hx-headers=\'{"X-CSRFToken": "' in html


def test_a_page_one_may_not_see_says_who_one_is(browser: Client) -> None:
    response = browser.get("/403/")
    assert response.status_code == 403
    html = as_shown(response.content.decode())
    assert "You may not see this page" in html
    assert "You are signed in as Mara Köhler." in html


def test_a_refused_click_is_a_toast_and_leaves_the_page_alone(browser: Client) -> None:
    response = browser.get("/403/", headers={"HX-Request": "true"})
    assert response.status_code == 403
    assert response["HX-Reswap"] == "none"
    html = as_shown(response.content.decode())
    assert '<div id="toasts" hx-swap-oob="beforeend">' in html
    assert "<html" not in html


def test_a_missing_request_is_named_and_a_missing_page_is_not(browser: Client) -> None:
    assert "<h2>There is no request 9999</h2>" in text(browser, "/404/")
    assert "<h2>There is no such page</h2>" in text(browser, "/nowhere/")
    assert "<h2>There is no such page</h2>" in text(Client(), "/nowhere/")


def test_a_fault_of_ours_reveals_nothing(browser: Client) -> None:
    browser.raise_request_exception = False
    response = browser.get("/500/")
    assert response.status_code == 500
    assert "This page failed" in as_shown(response.content.decode())
    assert "secret" not in as_shown(response.content.decode())
    assert browser.get("/400/").status_code == 400


@pytest.mark.parametrize("name", ["400.html", "500.html", "503.html", "403_csrf.html"])
def test_pages_for_bad_times_ask_the_database_nothing(
    name: str, browser: Client, rf: Any, django_assert_num_queries: Any
) -> None:
    request = rf.get("/")
    request.user = User(pk=1)
    with django_assert_num_queries(0):
        assert "hitl" in render_to_string(name)
        assert "hitl" in render_to_string(name, {}, request)


def test_a_forged_or_outdated_form_is_refused_in_words(mara: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mara)
    response = client.post("/")
    assert response.status_code == 403
    assert "Nothing was decided." in as_shown(response.content.decode())


def test_signing_in_asks_for_name_and_password_and_says_when_they_do_not_match(
    mara: User,
) -> None:
    client = Client()
    html = text(client, "/accounts/login/")
    assert 'name="login"' in html
    assert ">User name</label>" in html
    assert ">Password</label>" in html
    assert '<button class="btn btn-ink" type="submit">Sign in</button>' in html
    wrong = client.post("/accounts/login/", {"login": "mara", "password": "no"})
    assert "Nobody was signed in." in as_shown(wrong.content.decode())
    right = client.post("/accounts/login/", {"login": "mara", "password": "pw"}, follow=True)
    assert right.redirect_chain == [("/", 302)]
    assert "toast-note" not in as_shown(right.content.decode())
    assert client.post("/accounts/logout/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/password/change/",
        "/accounts/reauthenticate/",
        "/accounts/logout/",
    ],
)
def test_the_account_pages_wear_the_look(browser: Client, address: str) -> None:
    response = browser.get(address, follow=True)
    assert response.status_code == 200
    html = as_shown(response.content.decode())
    assert "look/app.css" in html
    assert html.count("<h1") == 1
    assert " style=" not in html
