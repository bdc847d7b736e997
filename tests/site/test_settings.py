"""The settings: nothing has to be said, and what is said is obeyed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.staticfiles import finders
from django.core import mail
from django.db import connection
from django.test import Client, RequestFactory

from hitl_site.admin import GROUPS, AdminSite
from hitl_site.data import secret_key
from tests.support.installation import BASE_DIR


def read(folder: Path, *names: str, **environment: str) -> dict[str, Any]:
    """Those settings as a new process with that environment sees them."""
    code = (
        "import json, sys, hitl_site.settings as s;"
        "print(json.dumps({n: getattr(s, n, None) for n in sys.argv[1:]}, default=str))"
    )
    env = {"PATH": os.environ["PATH"], "HITL_DATA_DIR": str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        env=env,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_the_data_folder_is_made_with_all_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    found = read(folder, "SECRET_KEY", "HITL_MAIL_DIR", "HITL_WORKSPACE", "DATABASE")
    assert (found["HITL_MAIL_DIR"], found["HITL_WORKSPACE"]) == (
        str(folder / "mail"),
        str(folder / "workspace"),
    )
    assert found["DATABASE"]["NAME"] == str(folder / "db.sqlite3")
    assert stat.S_IMODE((folder / "secret-key").stat().st_mode) == 0o600
    assert len(found["SECRET_KEY"]) >= 50


def test_the_secret_key_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert secret_key(path) == secret_key(path)
    assert [p.name for p in tmp_path.iterdir() if "key" in p.name] == ["key"]


def test_processes_that_start_at_once_agree_on_the_secret_key(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from hitl_site.data import secret_key as k;"
    call = [sys.executable, "-c", code + "print(k(Path(sys.argv[1])))", str(tmp_path / "key")]
    started = [subprocess.Popen(call, cwd=BASE_DIR, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1


def test_postgresql_by_url_keeps_answers_on_disk(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "DATABASE",
        DATABASE_URL="postgres://who@db.example.org:5433/name",
        HITL_TEST_DB_SUFFIX="_x",
    )["DATABASE"]
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example.org", 5433, "name")
    said = found["OPTIONS"]["options"].split(" -c ")
    assert said == ["-c synchronous_commit=on", "max_parallel_workers_per_gather=0"]
    assert found["TEST"]["NAME"].endswith("_x")


def test_what_the_url_tells_postgresql_counts_before_what_we_do(tmp_path: Path) -> None:
    url = "postgres://who@db.example.org/name?options=-c%20work_mem%3D8MB"
    found = read(tmp_path, "DATABASE", DATABASE_URL=url)["DATABASE"]
    said = found["OPTIONS"]["options"].split(" -c ")
    assert (said[0], said[-1]) == ("-c synchronous_commit=on", "work_mem=8MB")


def test_cookies_are_secure_behind_https_and_usable_without(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "CSRF_TRUSTED_ORIGINS")
    assert list(read(tmp_path, *names).values()) == [False, False, None]
    behind = read(tmp_path, *names, HITL_HTTPS="1", HITL_ALLOWED_HOSTS="hitl.example.org")
    assert behind["SESSION_COOKIE_SECURE"] is behind["CSRF_COOKIE_SECURE"] is True
    assert "https://hitl.example.org" in behind["CSRF_TRUSTED_ORIGINS"]


def test_mail_goes_to_files_until_a_server_is_named(tmp_path: Path) -> None:
    names = ("EMAIL_BACKEND", "EMAIL_HOST")
    assert read(tmp_path, *names)["EMAIL_BACKEND"] == "hitl_agents.actions.eml_backend.EmlBackend"
    named = read(tmp_path, *names, EMAIL_URL="smtp://mail.example.org:25")
    assert named["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert named["EMAIL_HOST"] == "mail.example.org"


def test_no_wildcard_host_switches_the_origin_check_off(tmp_path: Path) -> None:
    assert "*" not in read(tmp_path, "ALLOWED_HOSTS")["ALLOWED_HOSTS"]


def test_the_content_policy_has_no_exception() -> None:
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert policy["default-src"] == ["'none'"]
    assert not [v for values in policy.values() for v in values if "unsafe" in v or "*" in v]


@pytest.mark.django_db
def test_nobody_signs_themselves_up() -> None:
    assert Client().get("/accounts/signup/").status_code == 404
    assert Client().post("/accounts/signup/", {"username": "eve"}).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["password/reset/", "email/", "confirm-email/"])
def test_nobody_makes_the_server_send_mail_without_signing_in(page: str) -> None:
    answer = Client().post(f"/accounts/{page}", {"email": "stranger@example.org"})
    assert answer.status_code == 404
    assert not mail.outbox


@pytest.mark.django_db
@pytest.mark.parametrize("group", [*GROUPS, None])
def test_the_admin_opens_for_auditors_and_operators_only(group: str | None) -> None:
    user = User.objects.create_user("someone")
    if group:
        user.groups.add(Group.objects.get_or_create(name=group)[0])
    request = RequestFactory().get("/admin/")
    request.user = user
    assert AdminSite().has_permission(request) is bool(group)
    user.is_active = False
    assert AdminSite().has_permission(request) is False
    request.user = AnonymousUser()
    assert AdminSite().has_permission(request) is False


@pytest.mark.django_db
def test_the_admin_sends_strangers_to_the_one_sign_in_page() -> None:
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)


@pytest.mark.django_db
def test_the_admin_refuses_someone_signed_in_without_sending_them_in_circles() -> None:
    client = Client()
    client.force_login(User.objects.create_user("someone"))
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.django_db
def test_static_files_are_served_without_collecting_them() -> None:
    assert finders.find("look/app.css")
    answer = Client().get("/static/look/app.css")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_the_test_database_is_a_file_or_postgresql() -> None:
    assert ":memory:" not in str(connection.settings_dict["NAME"])
    assert "mode=memory" not in str(connection.settings_dict["NAME"])
