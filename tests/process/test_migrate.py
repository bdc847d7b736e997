"""`migrate` that is killed in the middle can be started again."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.installation import BASE_DIR, PATIENCE, Installation

# Wherever indexes or foreign keys come last, Django notes a migration once it is committed.
DIE = """
import os, signal, sys
from django.db.migrations.recorder import MigrationRecorder
from hitl_site.command import main

note, last = MigrationRecorder.record_applied, sys.argv.pop()

def die(self, app, name):
    if f"{app}.{name}" == last:
        os.kill(os.getpid(), signal.SIGKILL)
    note(self, app, name)

MigrationRecorder.record_applied = die
main()
"""
DEATHS = (
    "ledger.0001_initial",
    "approvals.0001_initial",
    "escalations.0002_search",
    "hitl_agents.0001_allowed_hosts",
    "reviews.0002_groups",
)


def migrate_until(place: Installation, migration: str) -> int:
    """Migrate, and be killed when that migration is to be noted; the exit code."""
    call = [sys.executable, "-c", DIE, "migrate", "-v0", migration]
    return subprocess.run(call, env=place.env, cwd=BASE_DIR, timeout=PATIENCE).returncode


def test_it_goes_on_wherever_it_was_killed(installation: Installation) -> None:
    for migration in DEATHS:
        assert migrate_until(installation, migration) == -signal.SIGKILL
    done = installation.manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    assert installation.manage("migrate", "--check").returncode == 0
    assert installation.manage("verify_log").returncode == 0
