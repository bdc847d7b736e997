"""Databases of earlier versions: `migrate` carries everything over, and what waited goes on.

They were made by the commands of that version; see the README beside each.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.installation import BASE_DIR, SQLITE_FILE, Installation

VERSION = BASE_DIR / "tests" / "data" / "0.1.0"
# Besides the rows of old: what the new version's own migrations bring.
MORE_IS_FINE = ("auth_permission", "django_content_type", "auth_group")
COUNT = """
import json
from django.apps import apps
rows = {m._meta.db_table: m._base_manager.count() for m in apps.get_models()}
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from hitl_agents.models import AllowedHost
def named(permissions):
    both = permissions.values_list("content_type__app_label", "codename")
    return sorted(".".join(each) for each in both)
print(json.dumps({
    "rows": rows,
    "groups": {g.name: named(g.permissions) for g in Group.objects.all()},
    "people": {u.username: named(u.user_permissions) for u in User.objects.all()},
    "logged": [str(entry.content_type.model_class()._meta.label) for entry in LogEntry.objects.all()],
    "hosts": [[host.host, host.note] for host in AllowedHost.objects.all()],
    "old_types": ContentType.objects.filter(app_label="agents").count(),
    "old_migrations": MigrationRecorder(connection).migration_qs.filter(app="agents").count(),
    "old_tables": [t for t in connection.introspection.table_names() if t.startswith("agents_")],
}))
"""
DIES = """
import os, signal
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
recorded = MigrationRecorder.record_applied
def dies(self, app, name):
    if app == "hitl_agents":
        os.kill(os.getpid(), signal.SIGKILL)
    recorded(self, app, name)
MigrationRecorder.record_applied = dies
call_command("migrate", verbosity=0)
"""
DECIDE = """
from approvals import services
from approvals.models import ApprovalRequest
from django.contrib.auth.models import User
from ledger import runs
from ledger.models import Run
waiting = ApprovalRequest.objects.get(run__task__contains="order 1044", status="pending")
services.approve(waiting.pk, by="rita")
doubt = Run.objects.get(status="in_doubt")
rita = User.objects.get(username="rita")
runs.resolve_doubt(doubt.pk, "ran", by=rita, note="The letter is in the outbox.")
"""
ENDS = """
import json
from ledger.models import Run
print(json.dumps({run.task: [run.status, run.result] for run in Run.objects.all()}))
"""


def restore(place: Installation) -> dict[str, Any]:
    """Put the old version's database there; what is in it."""
    kind = "postgresql" if place.database_url else "sqlite"
    if place.database_url:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute(gzip.decompress((VERSION / "postgresql.sql.gz").read_bytes()))
    else:
        packed = (VERSION / "sqlite.db.gz").read_bytes()
        Path(place.data, SQLITE_FILE).write_bytes(gzip.decompress(packed))
    story: dict[str, Any] = json.loads((VERSION / f"{kind}.json").read_text())
    return story


def run(place: Installation, *arguments: str) -> str:
    """A command that succeeds; what it printed."""
    done = place.manage(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shell(place: Installation, code: str) -> Any:
    """The JSON that this code prints with Django set up, None for nothing."""
    printed = run(place, "shell", "--no-imports", "-c", code)
    return json.loads(printed) if printed.strip() else None


@pytest.fixture
def old(installation: Installation) -> dict[str, Any]:
    """The installation has the old version's database; its story."""
    return restore(installation)


@pytest.fixture
def migrated(installation: Installation, old: dict[str, Any]) -> Installation:
    """The same after `migrate`."""
    run(installation, "migrate", "-v0")
    return installation


def of_today(names: list[str]) -> list[str]:
    """Permissions under the labels that they have now."""
    return sorted(name.replace("agents.", "hitl_agents.") for name in names)


def test_every_row_is_there_after_the_upgrade(migrated: Installation, old: dict[str, Any]) -> None:
    rows = shell(migrated, COUNT)["rows"]
    for table, number in old["rows"].items():
        there = rows[table.replace("agents_", "hitl_agents_")]
        assert there >= number if table in MORE_IS_FINE else there == number, table


def test_permissions_of_people_and_groups_are_what_they_were(
    migrated: Installation, old: dict[str, Any]
) -> None:
    found = shell(migrated, COUNT)
    assert found["people"] == {name: of_today(each) for name, each in old["people"].items()}
    for name, permissions in old["groups"].items():
        assert set(found["groups"][name]) >= set(of_today(permissions)), name
    assert found["groups"]["Web hosts"] == of_today(old["groups"]["Web hosts"])


def test_hosts_and_the_admin_log_are_carried_over_and_nothing_of_the_old_name_stays(
    migrated: Installation,
) -> None:
    found = shell(migrated, COUNT)
    assert found["hosts"] == [["api.example.org", "Orders"]]
    assert found["logged"] == ["hitl_agents.AllowedHost"]
    assert (found["old_types"], found["old_migrations"], found["old_tables"]) == (0, 0, [])


def test_the_log_still_verifies_and_a_second_migrate_has_nothing_to_do(
    migrated: Installation, old: dict[str, Any]
) -> None:
    assert run(migrated, "verify_log").split() == [str(part) for part in old["newest"]]
    assert "No migrations to apply" in run(migrated, "migrate", "--no-color")


def test_what_waited_is_decided_and_goes_on_and_the_doubt_is_answered(
    migrated: Installation,
) -> None:
    shell(migrated, DECIDE)
    run(migrated, "run_agents", "--until-idle")
    ends = {task: end for task, end in shell(migrated, ENDS).items() if "reminder" in task}
    assert {status for status, _ in ends.values()} == {"completed"}
    sent = next(result for task, (_, result) in ends.items() if "order 1044" in task)
    assert sent["actions"][0]["status"] == "completed"
    assert len(list((migrated.data / "mail").glob("*.eml"))) == 1
    run(migrated, "verify_log")


def test_an_upgrade_that_was_killed_in_the_middle_is_started_again(
    installation: Installation, old: dict[str, Any]
) -> None:
    assert installation.manage("shell", "--no-imports", "-c", DIES).returncode < 0
    run(installation, "migrate", "-v0")
    found = shell(installation, COUNT)
    assert found["hosts"] == [["api.example.org", "Orders"]]
    assert found["old_tables"] == []
