"""wait_or_leave(): an answer that comes in time counts; otherwise the run goes on, for good."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import entries
from hitl_agents.runner.drive import Drive
from hitl_agents.runner.noticing import TICK
from hitl_agents.runner.polling import Looks
from ledger import leases, runs
from ledger.clock import now
from ledger.models import Event, JournalEntry, Run
from tests.support import people
from tests.support.activations import (
    Body,
    activate,
    ask,
    begun,
    first_life,
    let_time_pass,
    parked,
    scripts,
    wait,
    wait_or_leave,
    waits,
)
from tests.support.claims import claim_waiting
from tests.support.driving import again, drive, pending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def rita() -> Iterator[User]:
    people.gate("shapes")
    with scripts():
        yield people.rita()


def approve(what: str = "it") -> None:
    services.approve(_asked(what).pk, by=people.rita())


def _asked(what: str) -> ApprovalRequest:
    return ApprovalRequest.objects.get(details__contains=f'"{what}"')


def why(run: Run) -> list[str]:
    """Why the run went on, each time that it had waited."""
    rows = Event.objects.filter(run=run, kind="runs.requeued").order_by("id")
    return [event.payload["reason"] for event in rows]


def only_wait(run: Run) -> JournalEntry:
    (entry,) = waits(run)
    return entry


# ---- Answered in time ----------------------------------------------------------------------------


async def decided_before(context: RunContext) -> Any:
    pk = await ask(context)
    await context.journal.in_thread(lambda: services.approve(pk, by=people.rita()))
    decided = await context.journal.wait_or_leave(ApprovalRequest, pk, 0)
    return decided.status if decided else "left"


def test_what_is_decided_already_is_answered_at_once_however_short_the_wait() -> None:
    run = first_life(decided_before)
    assert (run.status, run.result, run.fence) == ("completed", "approved", 1)
    assert (only_wait(run).status, _asked("it").delivered_at is None) == ("done", False)


def test_a_decision_while_the_run_is_in_memory_is_taken_up_there() -> None:
    async def meanwhile(drive: Drive) -> None:
        await parked(drive.journal)
        await drive.journal.in_thread(approve)
        drive.journal.activity.poke()

    async def body(context: RunContext) -> Any:
        return await asyncio.wait_for(wait_or_leave(context), 30)  # this keeps it in memory

    run = first_life(body, meanwhile=meanwhile)
    assert (run.result, run.fence) == ("approved", 1)


def test_a_decision_wakes_the_run_that_has_suspended() -> None:
    run = first_life(wait_or_leave)
    assert run.status == "waiting"
    approve()
    drive()
    run = again(run)
    assert (run.status, run.result, why(run)) == ("completed", "approved", [leases.DECIDED])
    assert only_wait(run).status == "done"


def test_the_reviewers_edit_answers_the_wait() -> None:
    async def body(context: RunContext) -> Any:
        pk = await ask(context)
        decided = await context.journal.wait_or_leave(ApprovalRequest, pk, 3600)
        again = await wait(context, "more")
        return [decided and decided.details, again]

    run = first_life(body)
    services.edit_and_approve(_asked("it").pk, by=people.rita(), details={"what": "edited"})
    run = activate(run)
    approve("more")
    assert activate(run).result == [{"what": "edited"}, "approved"]  # replayed, it is the same


# ---- Time over -----------------------------------------------------------------------------------


def test_the_row_says_when_the_run_goes_on_and_a_claim_takes_that_away() -> None:
    before = now()
    run = first_life(wait_or_leave)
    until = entries.wakes_at(only_wait(run))
    assert before + timedelta(hours=1) <= until <= now() + timedelta(hours=1)
    assert run.wake_at == until
    event = Event.objects.get(run=run, kind="runs.waiting")
    assert event.payload["wake_at"] == until.isoformat()
    assert claim_waiting(run.pk) is not None
    assert again(run).wake_at is None


def test_a_runner_claims_it_when_its_time_is_up_and_it_goes_on_without() -> None:
    run = first_life(wait_or_leave)
    assert leases.due_to_wake() == {}
    let_time_pass(run)
    assert list(leases.due_to_wake()) == [run.pk]
    drive()
    run = again(run)
    assert (run.status, run.result, why(run)) == ("completed", "left", [leases.TIME_IS_UP])
    assert (only_wait(run).status, "decided" in (only_wait(run).result or {})) == ("done", False)


def test_the_time_may_be_over_while_the_run_is_in_memory() -> None:
    async def body(context: RunContext) -> Any:
        over = asyncio.Event()

        async def long(_: Any) -> str:
            await asyncio.wait_for(over.wait(), 10)
            return "done"

        async def waiting() -> str:
            answer = await wait_or_leave(context, seconds=0.05)
            over.set()
            return answer

        return await asyncio.gather(waiting(), context.journal.act("long", {}, long))

    run = first_life(body)
    assert (run.status, run.result, run.fence) == ("completed", ["left", "done"], 1)


@pytest.mark.parametrize("seconds", [0, -5, 0.0])
def test_no_time_at_all_looks_once_and_goes_on(seconds: float) -> None:
    async def body(context: RunContext) -> Any:
        return await wait_or_leave(context, seconds=seconds)

    assert first_life(body).result == "left"


@pytest.mark.parametrize("seconds", [float("nan"), None, "5"])
def test_what_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    async def body(context: RunContext) -> Any:
        return await wait_or_leave(context, seconds=seconds)

    run = first_life(body)
    assert (run.status, "seconds" in run.error) == ("failed", True)


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
def test_who_waits_longer_than_any_clock_waits_as_long_as_it_takes(seconds: float) -> None:
    async def body(context: RunContext) -> Any:
        return await wait_or_leave(context, seconds=seconds)

    run = first_life(body)
    assert (run.status, run.wake_at, waits(run)) == ("waiting", None, [])
    approve()
    assert activate(run).result == "approved"


def test_a_decision_after_the_time_but_before_the_run_has_gone_on_counts() -> None:
    run = first_life(wait_or_leave)
    let_time_pass(run)
    approve()
    drive()
    run = again(run)
    assert (run.result, why(run)) == ("approved", [leases.DECIDED])


def test_a_decision_in_the_moment_before_the_run_goes_on_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is committed between the last look and the entry that says nobody answered."""
    look = entries.now

    def decide_then_tell_the_time() -> Any:
        if pending(run):
            other = threading.Thread(target=_approve_in_a_thread)
            other.start()
            other.join()
        return look()

    async def body(context: RunContext) -> Any:
        return await wait_or_leave(context)

    run = first_life(body)
    let_time_pass(run)
    if connection.vendor == "sqlite":  # there is no such moment: writers come one after the other
        approve()
    else:
        monkeypatch.setattr(entries, "now", decide_then_tell_the_time)
    assert activate(run).result == "approved"


def _approve_in_a_thread() -> None:
    try:
        approve()
    finally:
        connection.close()


def test_a_decision_after_the_run_has_gone_on_does_not_count_for_that_wait() -> None:
    async def body(context: RunContext) -> Any:
        return [await wait_or_leave(context), await wait(context, "more")]

    run = first_life(body)
    let_time_pass(run)
    drive()
    assert again(run).status == "waiting"
    approve("it")
    drive()
    approve("more")
    drive()
    assert again(run).result == ["left", "approved"]


def test_a_question_may_be_waited_for_again_after_its_time_was_over() -> None:
    async def body(context: RunContext) -> Any:
        pk = await ask(context)
        found = []
        for _ in range(2):
            decided = await context.journal.wait_or_leave(ApprovalRequest, pk, 3600)
            found.append(decided.status if decided else "left")
        found.append((await context.journal.wait(ApprovalRequest, pk)).status)
        return found

    run = first_life(body)
    for _ in range(2):
        let_time_pass(run)
        drive()
    run = again(run)
    assert (run.status, run.wake_at) == ("waiting", None)
    approve()
    drive()
    assert again(run).result == ["left", "left", "approved"]


def test_a_wait_that_is_over_costs_a_replay_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(context: RunContext) -> Any:
        return [await wait_or_leave(context), await wait(context, "more")]

    run = first_life(body)
    let_time_pass(run)
    run = activate(run)
    approve("more")
    monkeypatch.delattr(entries, "end_wait")
    assert activate(run).result == ["left", "approved"]


# ---- Several waits -------------------------------------------------------------------------------


async def two(context: RunContext) -> Any:
    return await asyncio.gather(
        wait_or_leave(context, "short", 600), wait_or_leave(context, "long", 3600)
    )


def test_of_two_waits_the_earlier_wakes_the_run_and_then_the_later() -> None:
    run = first_life(two)
    short, long = sorted(waits(run), key=entries.wakes_at)
    assert run.wake_at == entries.wakes_at(short) < entries.wakes_at(long)
    _let_pass(run, short)
    drive()
    run = again(run)
    assert (run.status, run.wake_at) == ("waiting", entries.wakes_at(long))
    let_time_pass(run)
    drive()
    run = again(run)
    assert (run.result, why(run)) == (["left", "left"], [leases.TIME_IS_UP] * 2)


def _let_pass(run: Run, entry: JournalEntry) -> None:
    over = now() - timedelta(seconds=1)
    JournalEntry.objects.filter(pk=entry.pk).update(result={"until": over.isoformat()})
    Run.objects.filter(pk=run.pk).update(wake_at=over)


def test_of_two_waits_each_has_its_own_answer() -> None:
    run = first_life(two)
    approve("long")
    drive()
    run = again(run)
    assert (run.status, run.wake_at) == ("waiting", min(map(entries.wakes_at, waits(run))))
    let_time_pass(run)
    drive()
    assert again(run).result == ["left", "approved"]


@pytest.mark.parametrize("first", ["plain", "timed"])
def test_beside_a_plain_question_the_time_counts_and_then_only_the_answer(first: str) -> None:
    async def body(context: RunContext) -> Any:
        both = [wait(context, "plain"), wait_or_leave(context, "timed")]
        return await asyncio.gather(*both[:: 1 if first == "plain" else -1])

    run = first_life(body)
    assert run.wake_at == entries.wakes_at(only_wait(run))
    let_time_pass(run)
    drive()
    run = again(run)
    assert (run.status, run.wake_at) == ("waiting", None)
    approve("plain")
    drive()
    wanted = ["approved", "left"]
    assert again(run).result == (wanted if first == "plain" else wanted[::-1])


# ---- Given up by the agent -----------------------------------------------------------------------


async def hurried(context: RunContext) -> Any:
    """Does not even wait as long as it said."""
    pk = await ask(context)
    try:
        await asyncio.wait_for(context.journal.wait_or_leave(ApprovalRequest, pk, 3600), 0.2)
    except TimeoutError:
        return ["given up", await wait(context, "more")]


async def in_a_hurry(context: RunContext) -> Any:
    """Gives up while it is still asking."""
    waiting = asyncio.create_task(wait_or_leave(context))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    return ["given up" if waiting.cancelled() else waiting.result(), await wait(context, "more")]


def test_a_wait_that_the_agent_gave_up_is_given_up_again_on_replay() -> None:
    run = first_life(hurried)
    asked = JournalEntry.objects.get(kind="question", request_id=_asked("it").pk)
    assert (only_wait(run).status, entries.read_given_up(asked)) == ("abandoned", {1})
    assert (run.status, run.wake_at) == ("waiting", None)
    approve("it")
    approve("more")
    assert activate(run).result == ["given up", "approved"]


async def begun_in_a_hurry(context: RunContext) -> Any:
    """Gives up in the moment that the wait begins."""
    pk = await ask(context)
    waiting = asyncio.create_task(context.journal.wait_or_leave(ApprovalRequest, pk, 3600))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    return ["given up" if waiting.cancelled() else waiting.result(), await wait(context, "more")]


@pytest.mark.parametrize("body", [hurried, in_a_hurry, begun_in_a_hurry])
def test_given_up_whenever_it_stays_given_up_although_it_is_decided_then(body: Body) -> None:
    run = first_life(body)
    approve("it")
    approve("more")
    assert activate(run).result == ["given up", "approved"]


# ---- Runners and people --------------------------------------------------------------------------


def test_a_runner_looks_just_then_however_far_from_its_next_look() -> None:
    looks = Looks()
    run = first_life(wait_or_leave)
    Run.objects.update(wake_at=now() + timedelta(seconds=1))
    found = looks.look(TICK)
    assert found.runs == []
    assert found.next is not None
    assert 0 < found.next <= 1
    Run.objects.update(wake_at=now() + timedelta(seconds=60))
    assert looks.look(TICK) == ([], None)
    let_time_pass(run)
    assert looks.look(TICK) == ([run.pk], None)


def test_until_idle_waits_for_a_time_that_is_near() -> None:
    async def body(context: RunContext) -> Any:
        return await wait_or_leave(context, seconds=0.3)

    run = begun(body)
    drive()
    assert again(run).result == "left"


def test_until_idle_leaves_a_run_whose_time_is_far() -> None:
    run = begun(wait_or_leave)
    drive()
    assert again(run).status == "waiting"


def test_a_cancelled_run_is_not_woken_and_its_wait_is_over() -> None:
    run = first_life(wait_or_leave)
    let_time_pass(run)
    runs.cancel(run.pk, actor="user:olga")
    run = again(run)
    assert (run.wake_at, only_wait(run).status) == (None, "abandoned")
    assert leases.due_to_wake() == {}
    assert claim_waiting(run.pk) is None


def test_started_again_it_asks_and_waits_anew() -> None:
    run = first_life(wait_or_leave)
    claim_waiting(run.pk)
    leases.doubt(run.pk, again(run).fence, {"kind": "diverged", "key": "k", "was": "", "now": ""})
    runs.resolve_doubt(run.pk, "start_again", by=people.rita(), note="It may.")
    run = activate(run)
    old, new = waits(run)
    assert (old.status, new.status) == ("abandoned", "waiting")
    assert (old.generation, new.generation, run.wake_at) == (1, 2, entries.wakes_at(new))
    (question,) = pending(run)
    services.approve(question.pk, by=people.rita())
    assert activate(run).result == "approved"


def test_a_question_without_its_own_deadline_stays_when_the_run_goes_on() -> None:
    async def body(context: RunContext) -> Any:
        return [await wait_or_leave(context), await wait(context, "more")]

    run = first_life(body)
    let_time_pass(run)
    run = activate(run)
    assert {question.details["what"] for question in pending(run)} == {"it", "more"}


def test_what_the_log_says_of_a_plain_wait_names_no_time() -> None:
    run = first_life(wait)
    assert json.loads(Event.objects.get(run=run, kind="runs.waiting").data).get("wake_at") is None
