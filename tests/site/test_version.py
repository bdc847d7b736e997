"""One version, wherever it is asked for."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

from hitl_site import paths
from hitl_site.version import read_version
from tests.support.installation import BASE_DIR

WRITTEN = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]


def test_a_checkout_has_the_version_of_its_pyproject() -> None:
    assert read_version() == settings.HITL_VERSION == WRITTEN


def test_an_installed_package_has_the_version_of_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "hitl_site")
    monkeypatch.setattr(importlib.metadata, "version", {"hitl": "7.8.9"}.__getitem__)
    assert read_version() == "7.8.9"


def test_the_command_tells_it_without_making_a_folder() -> None:
    call = [sys.executable, str(BASE_DIR / "manage.py"), "--version"]
    done = subprocess.run(call, capture_output=True, text=True, env={"HITL_DATA_DIR": "/proc/no"})
    assert done.stdout == f"hitl {WRITTEN}\n"


def test_the_changelog_begins_with_it() -> None:
    found = re.search(r"^## (\S+)", (BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found
    assert found[1] == WRITTEN
