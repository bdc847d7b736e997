"""A pattern that only its own folder and one line of the settings know is on the pages of everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.support.installation import BASE_DIR

CALL = (
    "pytest",
    "-p",
    "no:playwright",
    "-p",
    "no:cacheprovider",
    "--ds",
    "tests.toy_pattern.settings",
)
TOY = BASE_DIR / "tests" / "toy_pattern"


def test_a_fifth_pattern_is_shown_everywhere_by_its_own_folder_and_one_line() -> None:
    """In a process of its own: an app cannot be installed into settings that others use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    suffix = f"{kept.get('HITL_TEST_DB_SUFFIX', '')}_toy_{os.getpid()}"
    done = subprocess.run(
        [sys.executable, "-m", *CALL, str(TOY / "check_wishes.py")],
        cwd=BASE_DIR,
        env={**kept, "HITL_TEST_DB_SUFFIX": suffix},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    written = (TOY / "check_wishes.py").read_text().count("\ndef test_")
    assert passed is not None
    assert int(passed[1]) == written
    assert "skipped" not in done.stdout


def test_its_settings_are_the_projects_and_one_line() -> None:
    lines = (TOY / "settings.py").read_text().split('"""')[2].strip().splitlines()
    code = [line.partition("  #")[0] for line in lines if line]
    assert code == [
        "from __future__ import annotations",
        "from hitl_site.settings import *",
        'INSTALLED_APPS += ["tests.toy_pattern.apps.WishesConfig"]',
    ]
