"""What every test stands on: its own folders, cheap passwords, and installations for processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings as django_settings
from django.db import connections
from pytest_django import Settings

from tests.installation import Installation, own_database


def pytest_configure() -> None:
    """Hash passwords in microseconds: no test is about how slow a guess is."""
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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
def database_url() -> Iterator[str]:
    """An empty database for processes, of the kind under test: "" is SQLite in the data folder."""
    with own_database() as url:
        yield url


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """A fresh installation for `manage.py` in other processes, nothing migrated yet."""
    data = tmp_path / "data"
    data.mkdir()
    place = Installation(data, database_url)
    yield place
    place.close()
