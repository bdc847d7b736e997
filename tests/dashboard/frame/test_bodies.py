"""What may be sent, by whom and where to, whichever server receives it; and what caches may keep."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.frame.bodies import BoundedBodies
from pages.bodies import LITTLE, most_for
from tests.support import people
from tests.support.markup import as_shown
from tests.support.reviewing import added, browser

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def post(client: Client, path: str, size: int, **headers: str) -> Any:
    return client.post(path, "x" * size, content_type=FORM, headers=headers)


def test_more_than_a_megabyte_is_refused_with_a_page() -> None:
    response = post(Client(), "/accounts/login/", LITTLE + 1)
    page = as_shown(response.content.decode())
    assert response.status_code == 413
    assert "This is too large to be sent here" in page
    assert "at most 1 MB" in page
    assert response["Cache-Control"] == "no-store"
    assert "frame-ancestors" in response["Content-Security-Policy"]
    assert post(Client(), "/accounts/login/", LITTLE).status_code == 200


def test_htmx_gets_a_toast_and_keeps_the_page() -> None:
    response = post(
        browser(people.rita()), "/approvals/1/decide/", LITTLE + 1, **{"HX-Request": "true"}
    )
    assert response.status_code == 413
    assert response["HX-Reswap"] == "none"
    assert '<div id="toasts" hx-swap-oob="beforeend">' in as_shown(response.content.decode())


def test_a_correction_may_be_large_for_whoever_is_signed_in(settings: Settings) -> None:
    path = f"/reviews/{added().pk}/correct/"
    assert post(browser(people.rita()), path, 3 * LITTLE).status_code != 413
    assert post(Client(), path, 3 * LITTLE).status_code == 413
    settings.HITL_MAX_BODY_BYTES = 2 * LITTLE
    assert post(browser(people.rita()), path, 3 * LITTLE).status_code == 413


def test_a_setting_below_what_a_form_needs_leaves_forms_as_they_are(settings: Settings) -> None:
    settings.HITL_MAX_BODY_BYTES = 10
    assert most_for("/reviews/1/correct/", known=True) == LITTLE


@pytest.mark.parametrize("path", ["/", "/reviews/1/decide/", "/nowhere/", "/approvals/1/decide/"])
def test_everywhere_else_it_is_little(path: str) -> None:
    assert most_for(path, known=True) == LITTLE


async def test_what_comes_in_pieces_is_counted_while_it_is_read() -> None:
    read, answered = [], []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            read.append(len((await receive())["body"]))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {"type": "http", "path": "/accounts/login/", "headers": []}
    await BoundedBodies(app)(scope, receive, send)
    assert sum(read) <= LITTLE
    assert answered[0]["status"] == 413


@pytest.mark.parametrize(
    "kind",
    [
        f"{FORM}; charset=utf-7",
        f"{FORM}; charset=utf-16",
        "multipart/form-data; boundary=x; charset=idna",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ],
)
def test_a_form_that_cannot_be_read_is_a_page_and_not_a_fault(kind: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    body = b"+AD-" if "boundary=x" not in kind or "charset" in kind else b"--x\r\nbroken: \xff\r\n"
    response = client.post("/accounts/login/", body, content_type=kind)
    assert response.status_code in (400, 403)
    if "charset" in kind:
        assert "did not understand" in as_shown(response.content.decode())
    assert "script-src" in response["Content-Security-Policy"]


def test_too_many_fields_are_a_page_and_not_a_fault() -> None:
    response = Client().post("/accounts/login/", "&".join(["a=1"] * 2000), content_type=FORM)
    assert response.status_code == 400
    assert "did not understand" in as_shown(response.content.decode())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/2fa/",
        "/accounts/logout/",
        "/admin/",
    ],
)
def test_no_page_may_be_kept_by_a_cache_whoever_asks(path: str) -> None:
    for client in (Client(), browser(people.rita())):
        assert "no-store" in client.get(path)["Cache-Control"]


def test_static_files_may_be_kept() -> None:
    response = Client().get("/static/js/live.js")
    response.close()  # its file
    assert "public" in response["Cache-Control"]
