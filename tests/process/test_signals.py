"""Several runners in processes of their own share the work; a signal stops one cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from hitl_agents.context.run_context import RunContext
from hitl_agents.runner import heartbeat, noticing
from ledger import runs
from ledger.log import guards, verify
from ledger.models import Event, Run, Runner
from tests.support import people, sample_agents
from tests.support.driving import again, approve_all, until
from tests.support.sample_agents import Counting

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = 40
NEVER = 3600.0  # seconds: longer than any test
EFFECTS_FILE = "HITL_TEST_EFFECTS"


class Writing(Counting):
    """Its one action adds a line to a file that all processes share."""

    async def _execute(self, action: str, details: Any) -> Any:
        note(f"{details['what']} {os.getpid()}")
        return "done"


class Meeting(Writing):
    """Its action ends once two processes have begun one, and blocks its process until then."""

    async def _execute(self, action: str, details: Any) -> Any:
        done = await super()._execute(action, details)
        until(lambda: len(processes()) == 2, "another process is at work too")
        return done


async def meeting(task: str, context: RunContext) -> Any:
    """One gate."""
    return await Meeting(context).do(task)


async def slow(task: str, context: RunContext) -> Any:
    """An action that takes until the test says so, then another."""
    agent = Writing(context)

    async def effect(_: Any) -> str:
        note("begun")
        await asyncio.to_thread(until, lambda: "go on" in noted(), "it may end")
        note("ended")
        return "done"

    await context.journal.act("slow", {}, effect)
    return await agent.at_once("afterwards")


def note(line: str) -> None:
    """Add a line; short appends do not mix."""
    with open(os.environ[EFFECTS_FILE], "a") as file:
        file.write(f"{line}\n")


def noted() -> list[str]:
    path = Path(os.environ[EFFECTS_FILE])
    return path.read_text().splitlines() if path.exists() else []


def processes() -> set[str]:
    """The ids of those that have begun an action."""
    return {line.split()[1] for line in noted()}


@pytest.fixture(autouse=True)
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(EFFECTS_FILE, str(tmp_path / "effects"))
    with sample_agents.in_catalogue(meeting, slow):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


class Forked:
    """`manage.py run_agents` in a fork of this process."""

    def __init__(self) -> None:
        before = Runner.objects.count()
        connections.close_all()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                guards.install = lambda: None  # they would refuse the test's own flush
                call_command("run_agents")
                os._exit(0)
            except BaseException:
                os._exit(70)
        self.status: int | None = None
        until(lambda: Runner.objects.count() > before, "the runner has signed on")

    def signal(self, number: int = signal.SIGTERM) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Its exit code once it has ended; negative for a signal."""
        return os.waitstatus_to_exitcode(until(self._wait, "the runner ends")[1])

    def _wait(self) -> tuple[int, int] | None:
        found = os.waitpid(self.pid, os.WNOHANG)
        if found[0]:
            self.status = found[1]
            return found
        return None

    def close(self) -> None:
        if self.status is None:
            self.signal(signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def start() -> Iterator[Any]:
    started: list[Forked] = []

    def begin() -> Forked:
        started.append(Forked())
        return started[-1]

    yield begin
    for one in started:
        one.close()


def test_two_runners_share_forty_runs_and_each_is_driven_by_one(rita: User, start: Any) -> None:
    both = [start(), start()]
    work = [runs.submit("meeting", str(number)) for number in range(RUNS)]
    until(lambda: Run.objects.filter(status="waiting").count() == RUNS, "all ask")
    approve_all(work[0], rita)
    until(noted, "one runner has taken up the first")
    # It is held there, so the next run is the other runner's; what follows is for both.
    assert sum(approve_all(run, rita) for run in work[1:]) == RUNS - 1
    until(lambda: Run.objects.filter(status="completed").count() == RUNS, "all are done")
    done = Counter(line.split()[0] for line in noted())
    assert done == {str(number): 1 for number in range(RUNS)}
    assert processes() == {str(one.pid) for one in both}, "both worked"
    for run in work:
        fences = [event.payload["fence"] for event in claims_of(run)]
        assert fences == list(range(1, len(fences) + 1)), "each claim has a fence of its own"
    for one in both:
        one.signal()
    assert [one.ended() for one in both] == [0, 0]
    assert verify.verify().broken is None


def claims_of(run: Run) -> list[Event]:
    kinds = ["runs.started", "runs.resumed"]
    return list(Event.objects.filter(run=run, kind__in=kinds).order_by("id"))


def test_a_signal_lets_the_action_end_and_gives_the_run_back(start: Any) -> None:
    run = runs.submit("slow", "do it")
    runner = start()
    until(lambda: "begun" in noted(), "its action has begun")
    runner.signal()
    until(lambda: _default(runner.pid), "it has heard")
    note("go on")
    assert runner.ended() == 0
    assert noted() == ["begun", "go on", "ended"]
    assert again(run).status == "queued"
    assert Runner.objects.get().stopped
    start()
    until(lambda: again(run).status == "completed", "another runner goes on at once")
    *before, after = noted()
    assert before == ["begun", "go on", "ended"]
    assert after.split()[0] == "afterwards"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_runner_ends_at_once(
    start: Any, number: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HITL_LEASE_SECONDS = NEVER  # no look and no sign of life comes to its help
    monkeypatch.setattr(noticing, "TICK", NEVER)
    monkeypatch.setattr(heartbeat, "SIGN_EVERY", NEVER)
    runner = start()
    runner.signal(number)
    assert runner.ended() == 0


def test_a_second_signal_kills(start: Any) -> None:
    run = runs.submit("slow", "do it")
    runner = start()
    until(lambda: "begun" in noted(), "its action has begun")
    runner.signal()
    until(lambda: _default(runner.pid), "it has heard the first")
    runner.signal()
    assert runner.ended() == -signal.SIGTERM
    assert again(run).status == "running"  # until its lease has lapsed


def _default(pid: int) -> bool:
    """Whether SIGTERM would end that process: it catches the signal no more."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return not int(caught, 16) >> (signal.SIGTERM - 1) & 1
