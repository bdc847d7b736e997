"""From a decision to the agent's next line: the agent is called early, and acts only on a claim."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import activation
from hitl_agents.runner import backoff, heartbeat, noticing
from hitl_agents.runner.noticing import Noticing
from ledger import leases, runs
from ledger.models import Event, JournalEntry, Run
from ledger.requests import delivery
from ledger.transitions import rows_for_update
from tests.support import people, sample_agents
from tests.support.driving import RunnerInThread, again, drive, driven, pending, until
from tests.support.sample_agents import EFFECTS, Counting

pytestmark = pytest.mark.django_db(transaction=True)

NEVER = 3600.0  # seconds between two looks that no hint asked for: none in a test's life
PATIENCE = 60.0  # seconds


async def telling(task: str, context: RunContext) -> Any:
    """Waits at a gate, says that it is back, then acts."""
    agent = Counting(context)
    request = await agent.approval_gate.request_approval(context.agent_id, "count", {"what": "it"})
    await agent.approval_gate.wait_for_approval(request.pk)
    EFFECTS["back"] += 1
    return await agent.at_once("after")


async def ending(task: str, context: RunContext) -> str:
    """Waits at a gate and is done without another step."""
    gate = context.gate("shapes")
    await gate.wait_for_approval((await gate.request_approval("ending", "count", {})).pk)
    EFFECTS["back"] += 1
    return "done"


async def reading(task: str, context: RunContext) -> Any:
    """Waits at a gate, then asks something outside, such as a model or a service."""
    gate = context.gate("shapes")
    await gate.wait_for_approval((await gate.request_approval("reading", "count", {})).pk)
    EFFECTS["back"] += 1

    async def outside() -> str:
        EFFECTS["after"] += 1
        return "answer"

    return await context.read("outside", outside)


async def blocking(task: str, context: RunContext) -> str:
    """Waits at a gate, then holds up the loop until the test says so."""
    gate = context.gate("shapes")
    await gate.wait_for_approval((await gate.request_approval("blocking", "count", {})).pk)
    EFFECTS["back"] += 1
    until(lambda: EFFECTS["go on"], "it may go on")
    return "done"


@pytest.fixture(autouse=True)
def agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    EFFECTS.clear()
    monkeypatch.setattr(noticing, "TICK", NEVER)
    monkeypatch.setattr(backoff, "AGAIN", 0.01)
    mine = (telling, ending, reading, blocking)
    theirs = (sample_agents.gathering, sample_agents.impatient)
    with sample_agents.in_catalogue(*mine, *theirs):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


def waiting(agent: str) -> Run:
    """A run of that agent that waits for people."""
    run = driven(agent)
    assert run.status == "waiting"
    return run


def ends(run: Run, status: str = "completed") -> None:
    until(lambda: again(run).status == status, f"run {run.pk} is {status}")


def instead(monkeypatch: pytest.MonkeyPatch, replaced: Callable[..., Any]) -> None:
    """Have the claim's own writes go through that: replaced(write, run)."""
    real = leases.take_locked
    monkeypatch.setattr(
        leases, "take_locked", lambda run, *rest: replaced(lambda: real(run, *rest), run)
    )


def came_back(times: int = 1) -> None:
    until(lambda: EFFECTS["back"] == times, "the agent is back at its line")


@pytest.mark.parametrize("agent", ["telling", "ending"])
def test_the_agent_is_back_before_its_claim_is_written(
    agent: str, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting(agent)

    def after_the_agent(write: Callable[[], Run], _: Run) -> Run:
        came_back()
        return write()

    instead(monkeypatch, after_the_agent)
    with RunnerInThread():
        services.approve(pending(run)[0].pk, by=rita)
        ends(run)


def test_its_next_step_is_not_begun_before_the_claim_stands(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = waiting("telling"), []

    def looking(write: Callable[[], Run], _: Run) -> Run:
        came_back()
        seen.append((EFFECTS["after"], JournalEntry.objects.filter(run=run).count()))
        return write()

    instead(monkeypatch, looking)
    with RunnerInThread():
        services.approve(pending(run)[0].pk, by=rita)
        ends(run)
    assert seen == [(0, 1)], "nothing but the question"
    kinds = list(Event.objects.filter(run=run).order_by("id").values_list("kind", flat=True))
    assert kinds.index("runs.resumed") < kinds.index("actions.started")


@pytest.mark.parametrize("agent", ["telling", "ending", "reading"])
def test_a_claim_that_fails_is_made_again_and_all_happens_once(
    agent: str, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, failures = waiting(agent), [ValueError("a bug of ours"), OperationalError("disk full")]

    def fails_once(write: Callable[[], Run], _: Run) -> Run:
        if failures:
            came_back(3 - len(failures))
            raise failures.pop()
        return write()

    instead(monkeypatch, fails_once)
    with RunnerInThread():
        services.approve(pending(run)[0].pk, by=rita)
        ends(run)
    assert EFFECTS["back"] == 3, "called again, each time"
    assert EFFECTS["after"] == (agent != "ending")
    assert again(run).fence == 2
    assert ApprovalRequest.objects.get(run=run).delivered_at is not None
    assert Event.objects.filter(run=run, kind="approvals.delivered").count() == 1


def test_a_runner_does_not_end_as_idle_before_a_claim_that_failed_is_tried_again(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, failures = waiting("ending"), [OperationalError("disk full")]
    services.approve(pending(run)[0].pk, by=rita)

    def fails_once(write: Callable[[], Run], _: Run) -> Run:
        if failures:
            raise failures.pop()
        return write()

    instead(monkeypatch, fails_once)
    drive()
    assert again(run).status == "completed"


def test_a_claim_that_a_bug_fails_rests_whatever_the_looks_find(
    rita: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(noticing, "TICK", 0.01)
    monkeypatch.setattr(backoff, "AGAIN", NEVER)
    monkeypatch.setattr(backoff, "LONGEST", NEVER)
    run, tries, found = waiting("ending"), list[int](), list[int]()
    decided_runs = delivery.find_decided_runs

    def fails(_: Callable[[], Run], run: Run) -> Run:
        tries.append(run.pk)
        raise ValueError("a bug of ours")

    def look() -> list[int]:
        found.extend(decided_runs())
        return decided_runs()

    instead(monkeypatch, fails)
    monkeypatch.setattr(delivery, "find_decided_runs", look)
    with RunnerInThread() as here:
        services.approve(pending(run)[0].pk, by=rita)
        until(lambda: tries and not here._runner._claims.in_flight, "it could not be claimed")
        tries.clear()
        found.clear()
        until(lambda: len(found) > 2, "looks have found it again")
    assert not tries
    assert "a bug of ours" in caplog.text


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_a_run_whose_row_somebody_else_holds_is_claimed_as_soon_as_it_is_free(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()
    real = activation.claim_waiting

    def claim(*args: Any) -> Any:
        try:
            return real(*args)
        finally:
            tried.set()

    monkeypatch.setattr(activation, "claim_waiting", claim)
    run = waiting("ending")
    with RunnerInThread():
        ends(runs.submit("ending", "another"), "waiting")  # its first look is over
        with transaction.atomic():
            rows_for_update(Run).get(pk=run.pk)
            threaded(lambda: services.approve(pending(run)[0].pk, by=rita))
            assert tried.wait(PATIENCE)
        ends(run)


def lease_of(run: Run) -> datetime:
    assert run.lease_until is not None
    return run.lease_until


def threaded(call: Callable[[], Any]) -> None:
    """Do that on a connection of its own, while this one is in the middle of a transaction."""

    def work() -> None:
        try:
            call()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)


def test_a_second_decision_while_the_run_is_being_claimed_is_not_lost(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read = waiting("gathering"), threading.Event()
    first, second = pending(run)

    def slowly(write: Callable[[], Run], _: Run) -> Run:
        """The first decision is read; the second is committed as soon as this is."""
        read.set()
        return write()

    instead(monkeypatch, slowly)
    with RunnerInThread():
        services.approve(first.pk, by=rita)
        assert read.wait(PATIENCE)
        services.approve(second.pk, by=rita)
        ends(run)
    assert EFFECTS == {"a": 1, "b": 1}


def test_while_an_agent_blocks_the_loop_one_more_run_is_claimed_and_its_lease_is_kept(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is for other runners."""
    monkeypatch.setattr(heartbeat, "SIGN_EVERY", 0.05)
    blocked, *others = [waiting("blocking"), *(waiting("ending") for _ in range(3))]
    with RunnerInThread():
        services.approve(pending(blocked)[0].pk, by=rita)
        came_back()
        for run in others:
            services.approve(pending(run)[0].pk, by=rita)
        claimed = Run.objects.filter(status="running").exclude(pk=blocked.pk)
        held = until(claimed.first, "it claims one")
        until(lambda: lease_of(again(held)) > lease_of(held), "its lease is renewed")
        assert Run.objects.filter(status="waiting").count() == 2
        EFFECTS["go on"] += 1
        for run in (blocked, *others):
            ends(run)
    assert {again(run).fence for run in (blocked, *others)} == {2}


def test_a_free_run_that_is_claimed_as_the_loop_is_blocked_keeps_its_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "SIGN_EVERY", 0.05)
    real = activation.claim_next

    def blocking_the_loop(*args: Any) -> Any:
        """Another agent's code gets the loop as this claim is committed."""
        found = real(*args)
        loop = here._loop
        loop.call_soon_threadsafe(until, lambda: EFFECTS["go on"], "it may go on")
        return found

    with RunnerInThread() as here:
        monkeypatch.setattr(activation, "claim_next", blocking_the_loop)
        run = runs.submit("ending", "one")
        claimed = until(lambda: Run.objects.filter(status="running").first(), "it is claimed")
        until(lambda: lease_of(again(run)) > lease_of(claimed), "its lease is renewed")
        EFFECTS["go on"] += 1
        ends(run, "waiting")
    assert again(run).fence == 1


def test_a_runner_that_found_nothing_to_claim_goes_on_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "find_decided_runs", lambda: [12345])
    drive()  # there is no second look in the test's life


def test_what_is_not_waiting_is_not_claimed(rita: User) -> None:
    run = waiting("ending")
    services.approve(pending(run)[0].pk, by=rita)
    runs.cancel(run.pk, actor="user:rita")
    with RunnerInThread():
        ends(runs.submit("ending", "another"), "waiting")
    assert (again(run).status, EFFECTS["back"]) == ("cancelled", 0)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a bell says nothing")
def test_a_decision_is_taken_up_by_the_hint_alone(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noticing, "take_events", lambda *_: None)
    run = waiting("ending")
    with RunnerInThread():
        services.approve(pending(run)[0].pk, by=rita)
        ends(run)


def test_a_decision_that_the_hint_told_is_claimed_once(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed: list[int] = []
    real = activation.claim_waiting

    def counted(run_id: int, *rest: Any) -> Any:
        claimed.append(run_id)
        return real(run_id, *rest)

    monkeypatch.setattr(activation, "claim_waiting", counted)
    run, other = waiting("ending"), waiting("ending")
    with RunnerInThread():
        ends(runs.submit("ending", "another"), "waiting")  # its first look is over
        for each in (run, other):
            services.approve(pending(each)[0].pk, by=rita)
            ends(each)
    assert claimed == [run.pk, other.pk]


def test_a_hint_of_a_decision_that_nobody_made_claims_nothing(rita: User) -> None:
    """It may be wrong, or late: another runner has taken up that decision, and the run asks anew."""
    run = waiting("telling")
    newest = Event.objects.newest()
    assert activation.claim_waiting(run.pk, "r", 60, "approvals.approvalrequest") is None
    assert (again(run).status, Event.objects.newest()) == ("waiting", newest)


def test_a_decision_on_what_the_run_does_not_wait_for_claims_nothing(rita: User) -> None:
    run = driven("impatient", "0.02")
    given_up, last = pending(run)
    services.approve(given_up.pk, by=rita)
    assert activation.claim_waiting(run.pk, "r", 60) is None
    services.approve(last.pk, by=rita)
    assert activation.claim_waiting(run.pk, "r", 60) is not None
