"""A decision committed at any moment around the suspension wakes the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest
from django.contrib.auth.models import User

from agents import runner
from approvals import services
from approvals.models import ApprovalRequest
from ledger import runs
from ledger.models import Event, Run
from tests import agents_for_tests, people
from tests.driving import RunnerInThread, until

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = 300
STEPS = 25  # different moments
STEP = 0.0006  # seconds between them
NEVER = 3600.0  # seconds between two looks that no hint asked for: none in the test's life


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    agents_for_tests.EFFECTS.clear()
    with agents_for_tests.in_catalogue(agents_for_tests.tidy):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


def wait_exactly(seconds: float) -> None:
    """Let that time pass; a sleep is too coarse for parts of a millisecond."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def one_by_one(rita: User, tries: int) -> None:
    """One run after the other, each decided a moment later after its question than the last."""
    for number in range(tries):
        run = runs.submit("tidy", "do it")
        request = until(partial(question_of, run), "it asks")
        wait_exactly(number % STEPS * STEP)
        services.approve(request.pk, by=rita)
        until(partial(over, run), f"run {number} goes on after its decision")


def question_of(run: Run) -> ApprovalRequest | None:
    return ApprovalRequest.objects.filter(run=run).first()


def over(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, status="completed").exists()


def test_a_decision_at_any_moment_around_the_suspension_wakes_the_run(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TICK", NEVER)
    with RunnerInThread():
        one_by_one(rita, TRIES)
    assert agents_for_tests.EFFECTS == {"wanted": TRIES, "tidied": TRIES}
    order = Event.objects.filter(kind__in=["approvals.approved", "runs.waiting"]).order_by("id")
    kinds: dict[int, str] = {}
    for run_id, kind in order.values_list("run_id", "kind"):
        kinds.setdefault(run_id, kind)
    first = set(kinds.values())
    assert first == {"approvals.approved", "runs.waiting"}, "the moments were not on both sides"
