"""Which SQLite a process uses."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from hitl_site.sqlite import SAFE_IN_WAL, journal_mode, swap, version
from tests.support.installation import BASE_DIR


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run that code in a new interpreter that has imported nothing of ours, set for SQLite."""
    env = {"PATH": os.environ["PATH"], "HITL_DATA_DIR": str(settings.HITL_DATA_DIR)}
    call = [sys.executable, "-c", code]
    return subprocess.run(call, env=env, cwd=BASE_DIR, capture_output=True, text=True, check=False)


def test_importing_the_site_puts_pysqlite3_in_the_place_of_sqlite3() -> None:
    done = python(
        "import hitl_site, sqlite3, sqlite3.dbapi2, pysqlite3, pysqlite3.dbapi2;"
        "from sqlite3 import dbapi2;"
        "assert sqlite3 is pysqlite3 and dbapi2 is pysqlite3.dbapi2 is sqlite3.dbapi2"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("entry", ["hitl_site.settings", "hitl_site.asgi", "hitl_site.wsgi"])
def test_every_entry_point_opens_the_database_with_it(entry: str) -> None:
    done = python(
        f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'hitl_site.settings'; import {entry};"
        "from django.db.backends.sqlite3.base import Database;"
        "assert Database.__name__ == 'pysqlite3.dbapi2', Database"
    )
    assert done.returncode == 0, done.stderr


def test_daphne_opens_the_database_with_it() -> None:
    done = python("import daphne.cli, sys; assert 'sqlite3' not in sys.modules; import hitl_site")
    assert done.returncode == 0, done.stderr


def test_a_process_that_has_another_sqlite_already_is_refused_in_words() -> None:
    done = python("import sqlite3, hitl_site")
    assert done.returncode == 1
    assert "ImportError: Python's own sqlite3 was imported before" in done.stderr


def test_swapping_twice_changes_nothing() -> None:
    swap()
    assert importlib.import_module("sqlite3").__name__ == "pysqlite3"


def test_the_library_is_new_enough_for_wal() -> None:
    assert version() >= SAFE_IN_WAL


@pytest.mark.parametrize(
    ("found", "mode"),
    [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((3, 53, 4), "WAL")],
)
def test_an_affected_version_does_not_get_wal(found: tuple[int, ...], mode: str) -> None:
    assert journal_mode(found) == mode


def test_an_affected_version_is_warned_about() -> None:
    done = python(
        "import sys, pysqlite3; pysqlite3.sqlite_version_info = (3, 40, 1);"
        "import hitl_site.settings as s; print(s.DATABASE['OPTIONS']['init_command'])"
    )
    assert "journal_mode=DELETE" in done.stdout
    assert "RuntimeWarning: SQLite (3, 40, 1) is older than" in done.stderr


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite only")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
def test_every_connection_keeps_what_it_is_told(pragma: str, value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {pragma}")
        assert cursor.fetchone() == (value,)
