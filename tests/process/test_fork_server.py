"""A command from the fork server is what the command line would have started."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.support.installation import Installation

SAYS = """
import json, os, sys, threading
from django.conf import settings
from django.db import connections
print(json.dumps({
    "arguments": sys.argv[1:3], "folder": os.getcwd(), "environment": sorted(os.environ),
    "path": sys.path[0], "main": sys.modules["__main__"].__name__, "mine": __name__,
    "data": str(settings.HITL_DATA_DIR), "threads": threading.active_count(),
    "opened": connections["default"].connection is not None,
}))
print("beside", file=sys.stderr)
sys.exit(7)
"""
CALL = ("shell", "--no-imports", "-c")


@pytest.fixture(params=[False, True], ids=["forked", "from scratch"])
def place(request: pytest.FixtureRequest, installation: Installation) -> Installation:
    installation.from_scratch = request.param
    return installation


def test_both_ways_give_the_same_output_exit_code_and_surroundings(
    installation: Installation,
) -> None:
    found = []
    for from_scratch in (False, True):
        installation.from_scratch = from_scratch
        done = installation.manage(*CALL, SAYS)
        assert (done.returncode, done.stderr) == (7, "beside\n")
        found.append(done.stdout)
    assert found[0] == found[1]
    assert str(installation.data) in found[0]


def test_it_is_a_child_of_ours_with_its_own_group_and_dies_of_kill(place: Installation) -> None:
    code = "import os; print(os.getpid(), os.getppid(), os.getpgid(0), flush=True); input()"
    process = place.start(*CALL, code, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().split() == [
        str(number) for number in (process.pid, os.getpid(), process.pid)
    ]
    assert process.poll() is None
    process.kill()
    assert process.wait(60) == -signal.SIGKILL


def test_it_reads_what_it_is_sent_and_its_end(place: Installation) -> None:
    process = place.start(*CALL, "import sys; print(len(sys.stdin.read()))", stdin=subprocess.PIPE)
    assert process.communicate("x" * 100_000, timeout=60) == ("100000\n", None)
    assert process.returncode == 0


def test_two_forks_have_no_chance_in_common(installation: Installation) -> None:
    code = "import random, uuid; print(random.random(), uuid.uuid4())"
    said = [installation.manage(*CALL, code).stdout for _ in range(2)]
    assert not set(said[0].split()) & set(said[1].split())


def test_an_error_is_told_as_python_tells_it(place: Installation) -> None:
    done = place.manage(*CALL, "raise LookupError('nowhere')")
    assert done.returncode == 1
    assert done.stderr.endswith("LookupError: nowhere\n")
