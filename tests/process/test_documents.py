"""The commands in the documents do what the documents say: each is run as it stands there."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.support.installation import BASE_DIR, Installation

DOCUMENTS = [BASE_DIR / "README.md", *sorted((BASE_DIR / "docs").glob("*.md"))]
LINE = re.compile(r"^ {4}(?:\.venv/bin/python manage\.py|hitl-server) (.+)$", re.MULTILINE)
TOLD = sorted({line for path in DOCUMENTS for line in LINE.findall(path.read_text())})
STARTS_SERVERS = ("up",)  # tests/process/test_up.py starts it


@pytest.mark.parametrize("line", [line for line in TOLD if line.split()[0] not in STARTS_SERVERS])
def test_a_command_of_the_documents_works(prepared: Installation, line: str) -> None:
    arguments = [part for part in shlex.split(line) if part != "--wait"]  # nobody decides here
    done = prepared.manage(*arguments)
    assert done.returncode == 0, done.stderr
    if arguments[0] == "submit":
        assert json.loads(done.stdout)["status"] == "queued"


def test_the_documents_tell_of_commands() -> None:
    assert len(TOLD) >= 4
