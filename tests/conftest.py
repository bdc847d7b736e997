"""What every test stands on: its own folders, cheap passwords, and installations for processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings as django_settings
from django.db import connection, connections
from django.test import TransactionTestCase
from pytest_django import Settings

from tests.support import flush
from tests.support.installation import (
    SQLITE_FILE,
    WITH_DATABASE,
    Installation,
    installed,
    migrated_before,
    migrated_in,
)


def pytest_configure() -> None:
    """Nothing slow and nothing by chance, unless it is what a test is about.

    Passwords are hashed in microseconds. Hypothesis takes the same examples each time, and does
    not mind how long that takes: the machine may be busy.
    """
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each test client builds the middleware anew, and would look at every static file for that.
    django_settings.WHITENOISE_AUTOREFRESH = True
    patient = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(
        "ours", derandomize=True, deadline=None, suppress_health_check=patient
    )
    hypothesis.settings.load_profile("ours")
    TransactionTestCase._fixture_teardown = flush.after_test  # type: ignore[attr-defined]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is the same on each database need not be run again where it has been run on one."""
    if os.environ.get(WITH_DATABASE):
        without = [item for item in items if not asks_a_database(item)]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def asks_a_database(item: pytest.Item) -> bool:
    """Whether this test may; pytest-django lets no other. One that looks which it is counts, too.

    A browser test does, by its server, unless the browser alone decides how it ends.
    """
    if "site" in getattr(item, "fixturenames", ()):
        return not item.get_closest_marker("page_only")
    asks = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    module = vars(getattr(item, "module", None) or object)
    return bool(
        asks or item.get_closest_marker("django_db") or {"connection", "connections"} & set(module)
    )


@pytest.fixture(autouse=True)
def own_folders(settings: Settings, tmp_path: Path) -> None:
    """Files that the code under test writes land in this test's folder; no real model is asked."""
    for name, folder in (("HITL_WORKSPACE", "workspace"), ("HITL_MAIL_DIR", "mail")):
        path = tmp_path / folder
        path.mkdir()
        setattr(settings, name, path)
    settings.HITL_DATA_DIR = tmp_path
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = settings.OPENAI_MODEL = ""
    settings.HITL_DEMO_MODEL = True


@pytest.fixture(autouse=True)
def nobody_follows_after_the_test() -> Iterator[None]:
    """The follower and the thread of sync_to_async let the test's database go with the test."""
    yield
    from ledger import tail  # here: Django is not ready when this file is read

    tail.stop()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation for `manage.py` in other processes, nothing migrated yet."""
    with installed(tmp_path / "data") as place:
        yield place


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation to make others from."""
    if there := migrated_before():
        yield there
        return
    with migrated_in(tmp_path_factory.mktemp("migrated") / "data") as place:
        yield place


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The test database, too, begins as a copy of one that is migrated, where there is one."""
    if there := migrated_before():
        test = connection.settings_dict["TEST"]
        if there.database_url:
            test["TEMPLATE"] = urlsplit(there.database_url).path[1:]
        else:
            shutil.copy(there.data / SQLITE_FILE, test["NAME"])


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """A copied file is taken as it is, and goes with its folder; without this it would be made."""
    there = migrated_before()
    return django_db_keepdb or (there is not None and not there.database_url)


@pytest.fixture
def prepared(tmp_path: Path, migrated: Installation) -> Iterator[Installation]:
    """An installation of its own, migrated and otherwise empty."""
    with installed(tmp_path / "data", like=migrated) as place:
        yield place
