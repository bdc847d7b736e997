"""The folder that an installation writes to: where it is, and what is said when it cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_site import paths
from hitl_site.data import UnusableFolder, make_folder
from tests.support.installation import BASE_DIR

NOBODY = 65534
OPEN_TO_ALL = "/tmp"  # noqa: S108


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HITL_DATA_DIR": str(folder)}
    call = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    return subprocess.run(call, env=env, cwd="/", capture_output=True, text=True, check=False)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that this process may look into and not write to, also where tests are root's."""
    us = os.geteuid()
    # tmp_path and its parents are closed to everyone else.
    with tempfile.TemporaryDirectory(dir=OPEN_TO_ALL) as folder:
        Path(folder).chmod(0o555)
        if us == 0:
            os.seteuid(NOBODY)
        yield Path(folder)
        os.seteuid(us)


def test_a_checkout_keeps_its_data_in_var() -> None:
    assert paths.find_data_folder() == BASE_DIR / "var"


def test_an_installed_package_keeps_its_data_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "hitl_site")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))  # where there is no XDG
    found = paths.find_data_folder()
    assert found.name == "hitl"
    assert tmp_path in found.parents


@pytest.mark.parametrize("command", ["up", "migrate", "run_agents", "check"])
def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    done = manage(folder, command)
    assert done.returncode == 1
    assert done.stderr == (
        f"The folder {folder} cannot be used: Not a directory. Name another one with HITL_DATA_DIR.\n"
    )


def test_a_folder_that_may_not_be_written_to_is_named(closed: Path) -> None:
    sentence = rf"^The folder {closed} cannot be used: no permission to write into it\."
    with pytest.raises(UnusableFolder, match=sentence):
        make_folder(closed, "HITL_DATA_DIR")


def test_a_folder_that_may_not_be_made_is_named(closed: Path) -> None:
    sentence = rf"^The folder {closed}/data cannot be used: Permission denied\."
    with pytest.raises(UnusableFolder, match=sentence):
        make_folder(closed / "data", "HITL_DATA_DIR")


def test_the_setting_to_change_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableFolder, match=r"File exists\. Name another one with HITL_MAIL_DIR"):
        make_folder(tmp_path / "file", "HITL_MAIL_DIR")
