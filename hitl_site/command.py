"""The command line: `hitl-server …` of an installed package, `manage.py …` of a checkout."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from hitl_site.data import UnusableFolder
from hitl_site.version import read_version


def main() -> None:
    """Run one command; a folder that cannot be used is one sentence and exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
    if sys.argv[1:] == ["--version"]:  # Django would tell its own
        sys.stdout.write(f"hitl {read_version()}\n")
        return
    find_own_agents()
    try:
        execute_from_command_line(sys.argv)
    except UnusableFolder as error:
        sys.exit(str(error))


def find_own_agents() -> None:
    """Let HITL_AGENTS name modules of the current folder; last, so that none hides another."""
    here = os.getcwd()
    if os.environ.get("HITL_AGENTS") and here not in sys.path:
        sys.path.append(here)
