"""A decision committed at any moment around the suspension wakes the run."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from approvals import services
from hitl_agents.runner import noticing
from ledger import runs, tail
from ledger.models import Event, Run
from tests.support import people, sample_agents
from tests.support.driving import RunnerInThread

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = 300
STEPS = 25  # different moments
STEP = 0.001  # seconds between them
PATIENCE = 60.0  # seconds, for what must come: the machine may be busy
NEVER = 3600.0  # seconds between two looks that no hint asked for: none in the test's life


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    sample_agents.EFFECTS.clear()
    with sample_agents.in_catalogue(sample_agents.tidy):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


def wait_exactly(seconds: float) -> None:
    """Let that time pass; a sleep is too coarse for the last part of it."""
    end = time.perf_counter() + seconds
    time.sleep(max(seconds - STEP, 0))
    while time.perf_counter() < end:
        pass


class Log:
    """What is written to the log from now on: asking the database all the time is half the work."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        tail.follower().subscribe(self._hear)

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            self._events.put(event)

    def until(self, kind: str, run: Run) -> Event:
        """The event of that kind, of that run, once it is there."""
        while True:
            event = self._events.get(timeout=PATIENCE)
            if (event.kind, event.run_id) == (kind, run.pk):
                return event


def one_by_one(rita: User, tries: int) -> None:
    """One run after the other, each decided a moment later after its question than the last."""
    log = Log()
    for number in range(tries):
        run = runs.submit("tidy", "do it")
        asked = log.until("approvals.asked", run)
        wait_exactly(number % STEPS * STEP)
        services.approve(asked.subject.split(":")[1], by=rita)
        log.until("runs.completed", run)


def test_a_decision_at_any_moment_around_the_suspension_wakes_the_run(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "TICK", NEVER)
    with RunnerInThread():
        one_by_one(rita, TRIES)
    assert sample_agents.EFFECTS == {"wanted": TRIES, "tidied": TRIES}
    order = Event.objects.filter(kind__in=["approvals.approved", "runs.waiting"]).order_by("id")
    kinds: dict[int, str] = {}
    for run_id, kind in order.values_list("run_id", "kind"):
        kinds.setdefault(run_id, kind)
    first = set(kinds.values())
    assert first == {"approvals.approved", "runs.waiting"}, "the moments were not on both sides"
