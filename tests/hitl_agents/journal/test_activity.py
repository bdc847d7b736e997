"""What an activation is doing: it comes to rest once, for one reason, and then nothing starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import activity, entries
from hitl_agents.journal.activity import (
    Activity,
    DatabaseAway,
    Doubt,
    Ended,
    GiveBack,
    Latch,
    Lost,
    Suspend,
)
from hitl_agents.journal.loop import OWNER, RunnerLoop
from hitl_agents.runner.drive import Drive
from ledger.errors import LostLease
from ledger.models import EntryKind, JournalEntry, Run
from tests.support import people
from tests.support.activations import activate, begun, parked, scripts, wait

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def entry(pk: int, until: timedelta | None = None) -> JournalEntry:
    """A question's entry; with `until` that of a wait which ends by itself."""
    if until is None:
        return JournalEntry(pk=pk, kind=EntryKind.QUESTION)
    result = {"until": (STARTED + until).isoformat()}
    return JournalEntry(pk=pk, kind=EntryKind.WAIT, result=result)


def live(work: Callable[[Activity], Coroutine[Any, Any, None]]) -> Latch | None:
    """Have an agent's code do this in the runner's loop until it rests; why it stopped."""
    one = Activity()

    async def go() -> None:
        token = OWNER.set(one)
        task = asyncio.create_task(work(one))
        OWNER.reset(token)
        rest = asyncio.create_task(one.at_rest.wait())
        await asyncio.wait({task, rest}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        rest.cancel()
        for left in one.tasks:
            left.cancel()
        await asyncio.wait({task, rest})
        if not task.cancelled():
            task.result()

    with asyncio.Runner(loop_factory=RunnerLoop) as loop:
        loop.run(go())
    return one.latch


async def park(one: Activity, pk: int = 1, until: timedelta | None = None) -> None:
    await one.park(entry(pk, until), one.pokes)


# ---- One reason, once ----------------------------------------------------------------------------


REASONS: list[Latch] = [
    Suspend((1,)),
    GiveBack(1.0, "x"),
    Doubt({"kind": "diverged"}),
    Lost(),
    Ended(),
]


@pytest.mark.parametrize("first", REASONS, ids=str)
@pytest.mark.parametrize("second", REASONS, ids=str)
def test_the_first_reason_to_stop_stands(first: Latch, second: Latch) -> None:
    one = Activity()
    one.close(first)
    one.close(second)
    assert one.latch is first
    assert one.at_rest.is_set()


def test_a_step_whose_writing_fails_as_the_agent_returns_is_done_by_a_replay() -> None:
    async def work(one: Activity) -> None:
        async with one.in_flight():
            one.close(Ended())
            raise DatabaseAway("locked")

    assert live(work) == GiveBack(activity.AWAY, "locked")


def test_nothing_starts_once_it_has_latched_and_only_a_cancel_gets_out() -> None:
    done: list[str] = []

    async def work(one: Activity) -> None:
        one.stop()
        try:
            async with one.in_flight():
                done.append("step")
        finally:
            done.append("cancelled")

    assert live(work) == GiveBack(0.0, "the runner was stopped")
    assert done == ["cancelled"]


def test_never_swallows_whatever_wakes_it() -> None:
    async def work(one: Activity) -> None:
        stuck = asyncio.create_task(one.halt())
        await asyncio.sleep(0)
        one.poke()
        await asyncio.wait({stuck}, timeout=0.02)
        assert not stuck.done()
        assert one._stuck == 1
        stuck.cancel()
        await asyncio.wait({stuck})
        assert one._stuck == 0

    assert live(work) is None


def test_a_step_in_flight_ends_before_it_is_at_rest() -> None:
    order: list[str] = []

    async def work(one: Activity) -> None:
        async with one.in_flight():
            one.stop()
            assert not one.at_rest.is_set()
            await asyncio.sleep(0.01)
            order.append("ended")
            assert not one.at_rest.is_set()
        assert one.at_rest.is_set()
        async with one.in_flight():
            order.append("another")

    assert live(work) == GiveBack(0.0, "the runner was stopped")
    assert order == ["ended"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LostLease("gone"), Lost()),
        (DatabaseAway("locked"), GiveBack(activity.AWAY, "locked")),
    ],
)
def test_what_is_no_outcome_of_a_step_stops_the_activation_and_is_not_seen(
    error: Exception, reason: Latch
) -> None:
    async def work(one: Activity) -> None:
        try:
            async with one.in_flight():
                raise error
        except Exception as seen:
            raise AssertionError("an author has seen it") from seen

    assert live(work) == reason


def test_an_authors_own_error_passes_through() -> None:
    async def work(one: Activity) -> None:
        with pytest.raises(KeyError):
            async with one.in_flight():
                raise KeyError("x")

    assert live(work) is None


# ---- Coming to rest ------------------------------------------------------------------------------


def test_parked_with_nothing_in_flight_it_suspends_for_all_that_is_parked() -> None:
    async def work(one: Activity) -> None:
        await asyncio.gather(park(one, 7), park(one, 3), park(one, 7))

    assert live(work) == Suspend((3, 7))


@pytest.mark.parametrize(
    ("minutes", "first"),
    [([None], None), ([5], 5), ([None, 5], 5), ([9, 5, None, 7], 5)],
)
def test_the_earliest_end_of_a_wait_is_when_it_goes_on(
    minutes: list[int | None], first: int | None
) -> None:
    untils = [None if one is None else timedelta(minutes=one) for one in minutes]

    async def work(one: Activity) -> None:
        await asyncio.gather(*(park(one, n, until) for n, until in enumerate(untils)))

    wake_at = None if first is None else STARTED + timedelta(minutes=first)
    assert live(work) == Suspend(tuple(range(len(minutes))), wake_at)


@pytest.mark.parametrize("turns", [1, activity.QUIET_TURNS - 2])
def test_code_between_two_steps_gets_to_its_next_one(turns: int) -> None:
    async def work(one: Activity) -> None:
        async def other() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            async with one.in_flight():
                await asyncio.sleep(0.01)
            await park(one, 2)

        await asyncio.gather(park(one, 1), other())

    assert live(work) == Suspend((1, 2))


def test_a_step_that_takes_long_keeps_it_from_suspending() -> None:
    async def work(one: Activity) -> None:
        async def other() -> None:
            async with one.in_flight():
                await asyncio.to_thread(lambda: None)
                await asyncio.sleep(0.03)
                assert one.latch is None

        await asyncio.gather(park(one), other())

    assert live(work) == Suspend((1,))


def test_a_step_that_may_not_go_on_does_not_keep_it() -> None:
    async def work(one: Activity) -> None:
        async def lost() -> None:
            async with one.in_flight():
                raise LostLease("gone")

        await asyncio.gather(park(one), lost())

    assert live(work) == Lost()


def test_a_timer_of_the_agents_own_fires_before_it_suspends() -> None:
    fired: list[bool] = []

    async def work(one: Activity) -> None:
        async def timing() -> None:
            await asyncio.sleep(0.05)
            fired.append(one.latch is None)
            await park(one, 2)

        await asyncio.gather(park(one), timing())

    assert live(work) == Suspend((1, 2))
    assert fired == [True]


def test_a_timer_that_is_far_does_not_keep_it() -> None:
    async def work(one: Activity) -> None:
        await asyncio.gather(park(one), asyncio.sleep(activity.LINGER + 5))

    assert live(work) == Suspend((1,))


def test_a_timer_that_the_agent_has_cancelled_does_not_keep_it() -> None:
    async def work(one: Activity) -> None:
        asyncio.get_running_loop().call_later(30, print).cancel()
        await park(one)

    assert live(work) == Suspend((1,))


def test_a_timer_of_ours_does_not_keep_it() -> None:
    async def work(one: Activity) -> None:
        with one.poke_at(datetime.now(UTC) + timedelta(seconds=30)):
            await park(one)

    assert live(work) == Suspend((1,))


def test_a_poke_lets_go_on_whatever_is_parked() -> None:
    async def work(one: Activity) -> None:
        waiting = asyncio.gather(park(one, 1), park(one, 2))
        await asyncio.sleep(0)
        one.poke()
        one.poke()  # the second finds them let go already
        await waiting

    assert live(work) is None


def test_a_poke_since_the_last_look_is_not_slept_over() -> None:
    async def work(one: Activity) -> None:
        looked = one.pokes
        one.poke()
        await one.park(entry(1), looked)
        assert not one.parked

    assert live(work) is None


def test_who_is_given_up_again_is_waited_for_after_all_when_nobody_gives_up() -> None:
    went_on: list[bool] = []

    async def work(one: Activity) -> None:
        await one.park_until_cancelled(entry(1))
        went_on.append(one.latch is None)
        await park(one)

    assert live(work) == Suspend((1,))
    assert went_on == [True]


# ---- Giving up -----------------------------------------------------------------------------------


def test_what_an_agent_does_after_giving_up_waits_until_that_is_written() -> None:
    order: list[str] = []

    async def work(one: Activity) -> None:
        async def write() -> None:
            await asyncio.sleep(0.01)
            order.append("written")

        one.give_up(write())
        async with one.in_flight():
            order.append("step")

    assert live(work) is None
    assert order == ["written", "step"]


def test_a_step_that_began_before_a_giving_up_does_not_wait_for_it() -> None:
    async def work(one: Activity) -> None:
        ended = asyncio.Event()

        async def first() -> None:
            await asyncio.sleep(0.01)

        async def step() -> None:
            async with one.in_flight():
                ended.set()

        one.give_up(first())
        stepping = asyncio.create_task(step())
        await asyncio.sleep(0)
        one.give_up(_until(ended))  # as when a question is given up while it is asked
        await asyncio.wait_for(stepping, 5)

    assert live(work) is None


async def _until(event: asyncio.Event) -> None:
    await event.wait()


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_a_giving_up_that_is_never_written_keeps_nobody(reason: Latch) -> None:
    async def work(one: Activity) -> None:
        async def write() -> None:
            async with one.writing():
                one.close(reason)
                await one.halt()

        one.give_up(write())
        async with one.in_flight():
            raise AssertionError("it has latched")

    assert live(work) == reason


# ---- With a run ----------------------------------------------------------------------------------


@pytest.fixture
def shapes(transactional_db: None) -> Iterator[None]:
    people.gate("shapes")
    with scripts():
        yield


def test_a_stop_during_an_action_ends_the_action_and_gives_the_run_back(shapes: None) -> None:
    effects: list[str] = []

    async def body(context: RunContext) -> Any:
        async def effect(_: Any) -> str:
            effects.append("begun")
            stopping.set()
            await asyncio.sleep(0.03)
            effects.append("ended")
            return "done"

        stopping.clear()
        return [await context.journal.act("x", {}, effect), await wait(context)]

    stopping = asyncio.Event()

    async def stop(drive: Drive) -> None:
        await stopping.wait()
        drive.stop()

    run = activate(begun(body), stop)
    assert (run.status, run.not_before, effects) == ("queued", None, ["begun", "ended"])
    assert JournalEntry.objects.get(run=run).status == "done"
    assert not ApprovalRequest.objects.exists()
    assert activate(run).status == "waiting"
    assert effects == ["begun", "ended"]


def test_a_stop_while_it_waits_in_memory_gives_the_run_back(shapes: None) -> None:
    async def body(context: RunContext) -> Any:
        return await asyncio.wait_for(wait(context), 30)

    async def stop(drive: Drive) -> None:
        await parked(drive.journal)
        drive.stop()

    assert activate(begun(body), stop).status == "queued"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("verb", ["ask", "take_decision", "note_done", "begin_wait", "end_wait"])
def test_a_database_that_is_away_gives_the_run_back_and_it_does_the_same_later(
    shapes: None, monkeypatch: pytest.MonkeyPatch, verb: str, error: type[Exception]
) -> None:
    async def body(context: RunContext) -> Any:
        try:
            await context.now()
            request = await context.gate("shapes").request_approval("me", "tell", {}, "high")
            left = await context.journal.wait_or_leave(ApprovalRequest, request.pk, 0)
            decided = await context.gate("shapes").wait_for_approval(request.pk)
        except Exception as seen:
            return f"the agent has seen {seen!r}"
        return [left, decided.status]

    run = begun(body)
    with monkeypatch.context() as patched:
        patched.setattr(entries, verb, _away(error))
        run = activate(run)
    assert run.status == "queued"
    assert run.not_before is not None
    Run.objects.update(not_before=None)
    assert activate(run).status == "waiting"
    assert ApprovalRequest.objects.count() == 1


def _away(error: type[Exception]) -> Callable[..., Any]:
    def fail(*args: Any) -> Any:
        raise error("the server closed the connection")

    return fail
