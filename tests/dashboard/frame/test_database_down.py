"""A database that is locked, full or gone: 503, nothing half done, and then it works again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory

from approvals.models import ApprovalRequest
from dashboard.frame.middleware import DatabaseDownMiddleware
from ledger.log import wake
from ledger.models import Event, Run
from ledger.transitions import LOG_LOCK
from tests.support import people
from tests.support.markup import as_shown
from tests.support.run_stories import Story

HTMX = {"HX-Request": "true"}
SECRET = "connection to db.internal failed: password=hunter2"

# ---- What is answered


def answer(error: Exception, method: str = "POST", **headers: str) -> HttpResponse | None:
    """What the middleware says to a view that failed so."""
    request = RequestFactory().generic(method, "/approvals/5/decide/?a=1", headers=headers)
    return DatabaseDownMiddleware(lambda _: HttpResponse()).process_exception(request, error)


@pytest.mark.parametrize("error", [OperationalError(SECRET), InterfaceError(SECRET)])
def test_a_failed_database_is_503_with_a_reference_and_no_secret(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = answer(error)  # no query: pytest-django would fail this test
    assert response is not None
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Cache-Control"] == "no-store"
    page = as_shown(response.content.decode())
    assert "<!DOCTYPE html>" in page
    assert "The database does not answer" in page
    assert "hunter2" not in page
    assert "hunter2" in caplog.text
    reference = caplog.records[0].args[0]  # type: ignore[index]
    assert f"<code>{reference}</code>" in page


def test_who_was_reading_can_try_again_where_they_were() -> None:
    response = answer(OperationalError(), "GET")
    assert response is not None
    assert 'href="/approvals/5/decide/?a=1"' in as_shown(response.content.decode())


def test_htmx_leaves_the_page_as_it_is_and_says_so_beside_it() -> None:
    response = answer(OperationalError(SECRET), **HTMX)
    assert response is not None
    assert response.status_code == 503
    assert response["HX-Reswap"] == "none"
    content = as_shown(response.content.decode())
    assert content.startswith('<div id="toasts" hx-swap-oob="beforeend">')
    assert "<html" not in content
    assert "Nothing was decided; what you typed is still there." in content


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError("x")])
def test_other_errors_are_not_the_databases(error: Exception) -> None:
    assert answer(error) is None


# ---- In earnest


@contextmanager
def locked() -> Iterator[None]:
    """Another connection holds what every decision needs, and this one does not wait long."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOG_LOCK])
            held.set()
            release.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    patience("100ms", 100)
    thread.start()
    try:
        assert held.wait(30)
        yield
    finally:
        release.set()
        thread.join()
        patience("0", 20_000)


def patience(postgres: str, sqlite: int) -> None:
    """How long this connection waits for a lock."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [postgres])
        else:
            cursor.execute(f"PRAGMA busy_timeout={sqlite}")


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database fails after the row and the event were written, just before the commit."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE filler (text)")
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count={cursor.fetchone()[0]}")
    monkeypatch.setattr(wake, "wake_after_commit", _die)
    yield
    monkeypatch.undo()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count=1073741823")
            cursor.execute("DROP TABLE filler")
    else:
        connection.close()  # as Django does between two requests


def _die(*_: object) -> None:
    """Fill the disk, or end this connection on the server."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO filler VALUES (zeroblob(10000000))")
        else:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def decide(client: Client, request: ApprovalRequest, **headers: str) -> Any:
    form = {"verdict": "approve", "digest": request.digest, "feedback": "Fine."}
    return client.post(f"/approvals/{request.pk}/decide/", form, headers=headers)


@pytest.fixture
def rita(transactional_db: None) -> Client:
    client = Client()
    client.force_login(people.rita())
    return client


def undecided(request: ApprovalRequest, events: int) -> bool:
    """Whether neither the row nor the log knows of a decision."""
    request.refresh_from_db()
    return (request.status, request.reviewer, request.feedback) == ("pending", None, "") and (
        Event.objects.count() == events
    )


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_decision_while_the_database_is_locked_decides_nothing_and_counts_later(
    headers: dict[str, str], rita: Client
) -> None:
    request = people.asked()
    events = Event.objects.count()
    with locked():
        response = decide(rita, request, **headers)
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
    assert undecided(request, events)
    assert decide(rita, request, **headers).status_code in (200, 303)
    request.refresh_from_db()
    assert request.status == "approved"
    assert Event.objects.count() == events + 1


def test_a_decision_that_dies_before_its_commit_leaves_nothing_behind(
    rita: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = people.asked()
    events = Event.objects.count()
    with dying(monkeypatch):
        assert decide(rita, request).status_code == 503
    assert undecided(request, events)
    assert decide(rita, request).status_code == 303


def test_a_run_is_not_half_cancelled(transactional_db: None) -> None:
    client = Client()
    client.force_login(people.root())
    story = Story().claim().ask().wait()
    events = Event.objects.count()
    with locked():
        assert client.post(f"/runs/{story.pk}/cancel/").status_code == 503
        new = client.post("/runs/new/", {"agent": "gated", "task": "Write"})
        assert new.status_code == 503
    assert story.run.status == "waiting"
    assert undecided(story.request, events)
    assert Run.objects.count() == 1
    assert client.post(f"/runs/{story.pk}/cancel/").status_code == 303
