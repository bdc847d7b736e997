"""The two addresses that probes ask, without signing in and without learning a secret."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from dashboard.frame import health
from ledger.log import guards, writing
from ledger.log.writing import Writing
from ledger.transitions import LOG_LOCK

CHECKS = ("database", "migrations", "guards", "clock", "writing")
SECRET = "password=hunter2 host=db.internal"


@pytest.fixture
def guarded(db: None) -> Iterator[None]:
    """The triggers that `up` and `run_agents` install are there."""
    guards.install()
    yield
    guards.uninstall()


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes, whatever another has found out a moment before."""
    monkeypatch.setitem(health.CHECKS, "writing", Writing())


def failing(why: str = SECRET) -> Any:
    def check(*args: object, **kwargs: object) -> Any:
        raise OperationalError(why)

    return check


def test_the_process_answers_without_the_database(client: Client) -> None:
    response = client.get("/healthz")  # pytest-django fails this test if the database is asked
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("page", ["/healthz", "/readyz"])
def test_probes_only_read(page: str, client: Client) -> None:
    assert client.post(page).status_code == 405


def test_it_is_ready_when_everything_is_well(guarded: None, client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {name: {"ok": True} for name in CHECKS},
    }
    assert client.head("/readyz").status_code == 200


@pytest.mark.django_db
def test_missing_guards_are_named(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert checks.pop("guards") == {
        "ok": False,
        "why": f"The log is not protected; missing: {', '.join(sorted(guards.find_missing()))}.",
    }
    assert guards.find_missing()
    assert all(check["ok"] for check in checks.values())


def test_a_migration_that_is_missing_is_named(guarded: None, client: Client) -> None:
    MigrationRecorder(connection).migration_qs.filter(
        app="approvals", name="0003_risk_read"
    ).delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "approvals.0003_risk_read" in response.json()["checks"]["migrations"]["why"]


def test_a_clock_that_gives_no_time_is_noticed(
    guarded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    MigrationRecorder(connection).migration_qs.all().delete()
    monkeypatch.setattr(health, "_list_wanted", frozenset)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["clock"]["why"] == "The database gives no time."


@pytest.mark.django_db
def test_a_database_that_is_gone_is_said_without_a_secret(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(health.CHECKS, "database", failing())
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert [check["ok"] for check in checks.values()] == [False] * 5
    assert checks["clock"]["why"] == "The database does not answer."
    assert "hunter2" not in response.content.decode()
    assert "hunter2" in caplog.text


def test_a_check_that_fails_leaves_the_others_standing(
    guarded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "find_missing", failing())
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert {name for name, check in checks.items() if not check["ok"]} == {"guards"}
    assert "hunter2" not in response.content.decode()


# ---- That it can be written to


def writing_of(client: Client) -> dict[str, Any]:
    response = client.get("/readyz")
    check: dict[str, Any] = response.json()["checks"]["writing"]
    assert response.status_code == (200 if check["ok"] else 503)
    return check


@contextmanager
def held_by_another() -> Iterator[None]:
    """Another connection is in the middle of a write, for as long as this lasts."""
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOG_LOCK])
            begun.set()
            done.wait(60)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_it_is_not_ready_while_nobody_can_write_and_is_again_afterwards(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SELDOM", 0.0)
    guards.install()
    with held_by_another():
        assert "locked" in writing_of(client)["why"]
    assert writing_of(client) == {"ok": True}
    guards.uninstall()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's disk is not ours to fill")
def test_it_is_not_ready_when_the_disk_is_full(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SELDOM", 0.0)
    guards.install()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")  # what SQLite does with a disk that takes nothing
    try:
        assert "full" in writing_of(client)["why"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
    assert writing_of(client) == {"ok": True}
    guards.uninstall()


def test_many_probes_write_once(
    guarded: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SELDOM", 3600.0)
    assert writing_of(client) == {"ok": True}
    monkeypatch.setattr(Writing, "_try", failing())
    assert writing_of(client) == {"ok": True}
