"""A database of a newer version is left alone, and both versions are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from dashboard.management.commands.up import Command as Up
from ledger.log import guards
from ledger.package import versions
from ledger.package.models import DatabaseVersion

pytestmark = pytest.mark.django_db(transaction=True)

OURS = django_settings.HITL_VERSION
COMMANDS: dict[str, Callable[[], Any]] = {
    "migrate": lambda: call_command("migrate", verbosity=0),
    "run_agents": lambda: call_command("run_agents", "--until-idle"),
    "up": lambda: Up().prepare(),
}


def migrated_by(version: str) -> None:
    DatabaseVersion.objects.update_or_create(pk=1, defaults={"version": version})


def applied(app: str, name: str) -> None:
    MigrationRecorder(connection).record_applied(app, name)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The list of applied migrations outlives a test, and so do the guards that `up` installs."""
    recorder = MigrationRecorder(connection)
    before = set(recorder.applied_migrations())
    yield
    guards.uninstall()
    for pair in set(recorder.applied_migrations()) - before:
        recorder.record_unapplied(*pair)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("version", ["99.0", "99.0.1rc1", "0.10.0"])
def test_a_database_of_a_newer_version_is_refused(command: str, version: str) -> None:
    migrated_by(version)
    with pytest.raises(CommandError) as refusal:
        COMMANDS[command]()
    assert str(refusal.value) == (
        f"This database was last migrated by hitl {version}; this is hitl {OURS}, which is older. "
        f"Install {version} or newer, or restore a backup."
    )
    assert versions.read_version(connection) == version


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_whose_newer_version_was_killed_before_it_said_so_is_refused(
    command: str,
) -> None:
    migrated_by(OURS)
    applied("ledger", "0099_from_the_future")
    with pytest.raises(CommandError) as refusal:
        COMMANDS[command]()
    assert "ledger.0099_from_the_future" in str(refusal.value)
    assert f"hitl {OURS}" in str(refusal.value)


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0", OURS])
def test_a_database_of_an_older_version_or_of_this_one_is_taken(version: str) -> None:
    migrated_by(version)
    call_command("migrate", verbosity=0)
    assert versions.is_current(connection)


def test_a_database_that_names_no_version_is_taken() -> None:
    DatabaseVersion.objects.all().delete()
    assert versions.explain_newer(connection) == ""
    call_command("migrate", verbosity=0)
    assert versions.read_version(connection) == OURS


def test_migrations_of_apps_that_are_not_ours_say_nothing_about_our_version() -> None:
    applied("agents", "0001_initial")
    applied("auth", "0099_from_the_future")
    assert versions.explain_newer(connection) == ""


def test_what_a_squashed_migration_stands_for_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    applied("ledger", "0000_long_ago")
    assert versions.find_unknown(connection) == {("ledger", "0000_long_ago")}
    squashed = import_module("ledger.migrations.0001_initial").Migration
    monkeypatch.setattr(squashed, "replaces", [("ledger", "0000_long_ago")])
    assert versions.find_unknown(connection) == set()


@pytest.mark.parametrize("option", ["plan", "check_unapplied"])
def test_a_look_at_the_plan_notes_no_version(option: str) -> None:
    migrated_by("0.1.0")
    call_command("migrate", verbosity=0, **{option: True})
    assert versions.read_version(connection) == "0.1.0"


def test_up_migrates_once_more_where_the_version_before_did_not_finish(settings: Settings) -> None:
    settings.DEMO = False
    migrated_by("0.1.0")
    Up().prepare()
    assert versions.is_current(connection)
