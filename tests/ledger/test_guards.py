"""The database itself refuses to change the log, also for those who come by another way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from ledger.log import guards
from ledger.log.verify import verify
from ledger.models import Event
from ledger.transitions import record

on_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'")
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'")


@pytest.fixture
def line(db: None) -> None:
    record("runs.submitted", "ledger.run:1", actor="system")
    connection.check_constraints()  # nothing is deferred: PostgreSQL could not TRUNCATE anyway


@pytest.fixture
def installed(db: None) -> Iterator[None]:
    guards.install()
    yield
    guards.uninstall()  # the flush after tests deletes rows


def refused(sql: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(sql)
    assert Event.objects.get().actor == "system"
    assert verify().broken is None


def test_update_is_refused_since_the_migration(line: None) -> None:
    refused("UPDATE ledger_event SET actor = 'rita'")


def test_update_by_the_plain_manager_of_django_is_refused_too(line: None) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        QuerySet(Event).update(actor="rita")


def test_delete_is_refused_while_the_guards_stand(line: None, installed: None) -> None:
    refused("DELETE FROM ledger_event")


@on_postgres
def test_truncate_is_refused_while_the_guards_stand(line: None, installed: None) -> None:
    refused("TRUNCATE ledger_event")
    refused("TRUNCATE ledger_run CASCADE")


@on_postgres
def test_an_upsert_is_refused(line: None) -> None:
    refused(f"{_SAME} ON CONFLICT (id) DO UPDATE SET actor = 'rita'")


@on_sqlite
def test_replace_is_refused_although_it_fires_no_trigger_against_delete(line: None) -> None:
    refused(_SAME.replace("INSERT", "INSERT OR REPLACE", 1))
    refused(f"{_SAME} ON CONFLICT (id) DO UPDATE SET actor = 'rita'")


_SAME = (
    "INSERT INTO ledger_event (id, at, kind, subject, actor, data, hash)"
    " SELECT id, at, kind, subject, 'rita', data, hash FROM ledger_event WHERE id = 1"
)


def test_what_is_missing_is_named_until_the_guards_stand(db: None) -> None:
    late = [
        name for name in guards.list_triggers(connection.vendor) if name in guards.WHILE_RUNNING
    ]
    assert guards.find_missing() == late
    guards.install()
    assert guards.find_missing() == []
    guards.install()
    assert guards.find_missing() == []
    guards.uninstall()
    guards.uninstall()
    assert guards.find_missing() == late


@on_postgres
def test_a_trigger_that_is_switched_off_is_missing_and_is_put_back(db: None) -> None:
    connection.cursor().execute("ALTER TABLE ledger_event DISABLE TRIGGER ledger_event_no_update")
    assert "ledger_event_no_update" in guards.find_missing()
    guards.install()
    assert guards.find_missing() == []
    guards.uninstall()


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_at_once_install_once() -> None:
    failed: list[Exception] = []

    def start() -> None:
        try:
            guards.install()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert guards.find_missing() == []
    finally:
        guards.uninstall()


@pytest.mark.django_db(transaction=True)
def test_the_flush_between_tests_works_without_them() -> None:
    record("runs.submitted", "ledger.run:1", actor="system")
    call_command("flush", interactive=False, verbosity=0)
    assert not Event.objects.exists()
