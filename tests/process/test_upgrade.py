"""A database of commit 2963254, in which the app hitl_agents was called agents, goes on here.

`tests/data/0.1.0/README.md` says how the two were made: with runs that wait, and one in doubt.
"""

from __future__ import annotations

import gzip
import json
import re
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.process.test_up import welcome
from tests.support.installation import SQLITE_FILE, Installation

pytestmark = pytest.mark.timeout(600)

DATA = Path(__file__).parent.parent / "data" / "0.1.0"
OLD, APP = "agents", "hitl_agents"
WAITED = {3, 4, 7, 10, 11, 12}  # runs: gated, gated, escalating, reviewed, reviewed, interactive
DOUBTED = 13
# What a version or a runner adds to, and what the full-text search keeps for itself.
GROWS = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group_permissions",
    "ledger_runner",
}
INNER = re.compile("escalations_search_")

LOOK = """
import json
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from ledger.models import Run

def granted(permissions):
    return sorted(permissions.values_list("content_type__app_label", "codename"))

def count(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
        return cursor.fetchone()[0]

users, groups = User.objects.order_by("pk"), Group.objects.order_by("name")
print(json.dumps({
    "runs": {run.pk: run.status for run in Run.objects.order_by("pk")},
    "users": {user.username: user.pk for user in users},
    "user_permissions": {
        user.username: granted(user.user_permissions)
        for user in users if user.user_permissions.exists()
    },
    "group_permissions": {group.name: granted(group.permissions) for group in groups},
    "members": {
        group.name: sorted(group.user_set.values_list("username", flat=True)) for group in groups
    },
    "admin_log": [
        {
            "id": entry.pk, "user": entry.user.username, "flag": entry.action_flag,
            "model": [entry.content_type.app_label, entry.content_type.model],
            "object_id": entry.object_id, "object": entry.object_repr,
        }
        for entry in LogEntry.objects.order_by("pk")
    ],
    "content_types": sorted(ContentType.objects.values_list("app_label", "model")),
    "permissions": granted(Permission.objects.all()),
    "allowed_hosts": list(
        apps.get_model("APP", "AllowedHost").objects.order_by("pk")
        .values("id", "host", "allow_private", "note")
    ),
    "migrations": sorted(MigrationRecorder.Migration.objects.values_list("app", "name")),
    "rows": {table: count(table) for table in sorted(connection.introspection.table_names())},
}))
"""

# Lives of `migrate` in forks: each is killed before a write, the next one before the write after
# that, counted from where the last commit was; until one comes to its end.
KILLED = """
import json, os, signal, sys, traceback
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

READS = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "SET")

def live(before, number, pipe):
    there = sorted(MigrationRecorder(connection).applied_migrations())
    there = json.dumps(there)
    number = number + 1 if there == before else 1
    os.write(pipe, f"{number} {there}".encode())
    os.close(pipe)
    left = number

    def watch(execute, sql, *rest):
        nonlocal left
        if not str(sql).lstrip().upper().startswith(READS):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        call_command("migrate", verbosity=0, interactive=False)

def fork(before, number):
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(out)
        try:
            live(before, number, into)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        number, _, there = pipe.read().partition(" ")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), there, int(number or 0)

killed, code, there, number = -1, -signal.SIGKILL, "", 0
while code == -signal.SIGKILL:
    killed += 1
    code, there, number = fork(there, number)
print(killed)
sys.exit(code)
"""

DECIDE = """
from django.contrib.auth.models import User
from approvals import services
from approvals.models import ApprovalRequest
from escalations import services as answers
from escalations.models import Escalation
from ledger import runs
from ledger.models import Run
from plans import services as plans
from plans.models import Plan, PlanTurn
from reviews import services as verdicts
from reviews.models import ReviewItem

rita = User.objects.get(username="rita")
for request in ApprovalRequest.objects.open():
    services.approve(request.pk, by=rita, digest=request.digest)
for escalation in Escalation.objects.open():
    answers.answer(escalation.pk, by=rita, answer="Ten percent, on paper.")
for item in ReviewItem.objects.open():
    verdicts.approve(item.pk, by=rita)
for plan in Plan.objects.filter(status="awaiting_feedback"):
    plans.accept(plan.pk, by=rita, version=plan.version)
for turn in PlanTurn.objects.open().filter(kind="input"):
    plans.give_input(turn.pk, "Go on.", by=rita)
for run in Run.objects.filter(status="in_doubt"):
    note = "The warehouse says that the 20 lamps came."
    runs.resolve_doubt(run.pk, "ran", by=rita, note=note, fence=run.fence)
"""

RESULTS = """
import json
from ledger.models import Run
print(json.dumps({run.pk: [run.status, run.result] for run in Run.objects.order_by("pk")}))
"""

ADMIN = """
import json
from django.contrib.auth.models import User
from django.test import Client

def at(name):
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get(username=name))
    return browser

address = "/admin/APP/allowedhost/"
new, changed = {"host": "new.example.org"}, {"host": "api.example.org", "note": "Changed"}
print(json.dumps({
    "wim sees": at("wim").get(address).status_code,
    "wim adds": at("wim").post(f"{address}add/", new).status_code,
    "wim changes": at("wim").post(f"{address}1/change/", changed).status_code,
    "ada adds": at("ada").post(f"{address}add/", new).status_code,
    "ada deletes": at("ada").post(f"{address}1/delete/", {"post": "yes"}).status_code,
    "otto sees": at("otto").get(address).status_code,
    "history": at("admin").get(f"{address}1/history/").content.decode().count("api.example.org"),
}))
"""


def told(place: Installation, code: str) -> Any:
    """The JSON that this code prints in a process of that installation."""
    done = place.manage("shell", "--no-imports", "-c", code.replace("APP", APP))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")


def did(place: Installation, *arguments: str) -> str:
    """What a command says that goes well."""
    done = place.manage(*arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


class OldDatabase:
    """The database of 2963254 in an installation of today, not migrated yet, and what was in it."""

    def __init__(self, place: Installation) -> None:
        self.place = place
        kind = "postgresql" if place.database_url else "sqlite"
        self.story: dict[str, Any] = json.loads((DATA / "story.json").read_text())[kind]
        if place.database_url:
            dump = gzip.decompress((DATA / "postgresql.sql.gz").read_bytes())
            with psycopg.connect(place.database_url) as connection:
                connection.execute(dump)
        else:
            file = gzip.decompress((DATA / "db.sqlite3.gz").read_bytes())
            (place.data / SQLITE_FILE).write_bytes(file)

    @property
    def head(self) -> str:
        return "{id} {hash}".format(**self.story["newest_event"])


@pytest.fixture
def old(installation: Installation) -> OldDatabase:
    return OldDatabase(installation)


@pytest.fixture
def upgraded(old: OldDatabase) -> OldDatabase:
    did(old.place, "migrate", "-v0")
    return old


def renamed(pairs: list[list[str]]) -> list[list[str]]:
    """Labels with a name each, the old label in today's words."""
    return sorted([APP if label == OLD else label, name] for label, name in pairs)


def check_carried_over(old: OldDatabase) -> dict[str, Any]:
    """Everything of the old database is here, under today's names; what was found."""
    story, found = old.story, told(old.place, LOOK)
    check_rows(story, found)
    check_permissions(story, found)
    for same in ("users", "allowed_hosts"):
        assert found[same] == story[same], same
    entries = [{**each, "model": renamed([each["model"]])[0]} for each in story["admin_log"]]
    assert found["admin_log"] == entries
    assert found["runs"] == {str(run["id"]): run["status"] for run in story["runs"]}
    assert did(old.place, "verify_log", "--expect-head", old.head).strip() == old.head
    did(old.place, "migrate", "--check")
    did(old.place, "makemigrations", "--check", "--dry-run")
    return found


def check_rows(story: dict[str, Any], found: dict[str, Any]) -> None:
    """Each old table has its rows, and nothing of the old label is left anywhere."""
    for table, rows in story["rows"].items():
        now = re.sub(f"^{OLD}_", f"{APP}_", table)
        if table in GROWS:
            assert found["rows"][now] >= rows, now
        elif not INNER.match(table):
            assert found["rows"][now] == rows, now
    assert not [table for table in found["rows"] if table.startswith(f"{OLD}_")]
    for where in ("content_types", "permissions", "migrations"):
        assert not [pair for pair in found[where] if pair[0] == OLD], where
    types = [tuple(pair) for pair in found["content_types"]]
    assert set(map(tuple, renamed(story["content_types"]))) <= set(types)


def check_permissions(story: dict[str, Any], found: dict[str, Any]) -> None:
    """People may what they might: of the renamed app exactly, of others at least.

    A later version may grant its groups more; what was taken from one is not given back.
    """
    granted = {user: renamed(pairs) for user, pairs in story["user_permissions"].items()}
    assert found["user_permissions"] == granted
    assert found["members"] == story["members"]
    for group, pairs in story["group_permissions"].items():
        before, now = renamed(pairs), found["group_permissions"][group]
        of_app = [[pair for pair in each if pair[0] == APP] for each in (before, now)]
        assert of_app[0] == of_app[1], group
        assert set(map(tuple, before)) <= set(map(tuple, now)), group


def test_an_old_database_migrates_with_all_its_data(upgraded: OldDatabase) -> None:
    found = check_carried_over(upgraded)
    assert "No migrations to apply" in did(upgraded.place, "migrate")
    assert check_carried_over(upgraded) == found


def test_starting_everything_brings_an_old_database_along(old: OldDatabase) -> None:
    process = old.place.start("up")
    assert "with your own account" in welcome(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    check_carried_over(old)


def test_who_might_edit_the_allowed_hosts_still_may(upgraded: OldDatabase) -> None:
    found = told(upgraded.place, ADMIN)
    assert found.pop("history") > 0
    assert found == {
        "wim sees": 200,
        "wim adds": 403,
        "wim changes": 302,
        "ada adds": 302,
        "ada deletes": 403,
        "otto sees": 302,  # to the sign-in: he has no business in the admin
    }
    hosts = {host["id"]: host["host"] for host in told(upgraded.place, LOOK)["allowed_hosts"]}
    # 3 was deleted before the upgrade: its id is not given out again.
    assert hosts == {1: "api.example.org", 2: "127.0.0.1", 4: "new.example.org"}


def test_what_waited_goes_on_and_the_doubt_is_answered(upgraded: OldDatabase) -> None:
    place = upgraded.place
    did(place, "run_agents", "--until-idle")
    before = {int(run): found for run, found in told(place, RESULTS).items()}
    assert {run for run, (status, _) in before.items() if status == "waiting"} == WAITED
    assert before[DOUBTED][0] == "in_doubt"
    for _ in range(10):  # a plan asks more than once
        told(place, DECIDE)
        did(place, "run_agents", "--until-idle")
        ended = {int(run): found for run, found in told(place, RESULTS).items()}
        if all(status == "completed" for status, _ in ended.values()):
            break
    assert {run: status for run, (status, _) in ended.items() if status != "completed"} == {}
    (restocked,) = ended[DOUBTED][1]["actions"]
    assert restocked["result"]["by"] == "rita"
    letters = sorted(
        re.findall(r"(?m)^To: (\w+)", path.read_text())[0]
        for path in (place.data / "mail").glob("*.eml")
    )
    assert letters == ["ana", "cleo", "dora"]  # the plan's, and those of two runs
    did(place, "verify_log", "--expect-head", upgraded.head)


def test_an_upgrade_that_is_killed_at_any_write_is_done_by_the_next(old: OldDatabase) -> None:
    assert told(old.place, KILLED) > 0
    check_carried_over(old)
