"""The runner in a test's own process: what it claims and notices, when it goes on, how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import action_entries, activation, threads
from hitl_agents.journal.entries import Hold, Step
from hitl_agents.journal.loop import RunnerLoop
from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.llm import chat
from hitl_agents.runner import backoff, heartbeat, model_client, noticing
from hitl_agents.runner.drive import Drive
from hitl_agents.runner.noticing import Noticing
from hitl_agents.runner.runner import AgentRunner
from hitl_agents.testing import ScriptedModel
from ledger import leases, patterns, runs
from ledger.clock import now
from ledger.log.wake import Decided
from ledger.models import EntryKind, Event, Run, Runner
from ledger.requests import deadlines, delivery
from tests.support import people, sample_agents
from tests.support.driving import RunnerInThread, again, approve_all, drive, driven, pending, until
from tests.support.sample_agents import EFFECTS, Counting

pytestmark = pytest.mark.django_db(transaction=True)

NEVER = 3600.0  # seconds between two looks that no hint asked for: none in a test's life
OFTEN = 0.02


async def quick(task: str, context: RunContext) -> str:
    """Is done at once."""
    EFFECTS[task] += 1
    return task


async def asking(task: str, context: RunContext) -> str:
    """One gate."""
    return await Counting(context).do(task)


async def together(task: str, context: RunContext) -> int:
    """Goes on once as many as the task says have been at work beside each other."""
    EFFECTS["now"] += 1
    EFFECTS["most"] = max(EFFECTS["most"], EFFECTS["now"])
    while EFFECTS["most"] < int(task):  # noqa: ASYNC110 - an Event would outlive its loop
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)  # were there room for one more, it would begin now
    EFFECTS["now"] -= 1
    return 0


async def deciding(task: str, context: RunContext) -> int:
    """One gate, and then as together()."""
    await Counting(context).do("it")
    return await together(task, context)


async def blocking(task: str, context: RunContext) -> str:
    """Holds up the whole loop until the test lets it go on."""
    EFFECTS["begun"] += 1
    until(lambda: EFFECTS["go on"], "it may go on")
    return "done"


async def slow(task: str, context: RunContext) -> str:
    """An action that takes a while, then another."""

    async def effect(_: Any) -> str:
        EFFECTS["begun"] += 1
        await asyncio.sleep(0.2)
        EFFECTS["ended"] += 1
        return "done"

    await context.journal.act("slow", {}, effect)
    return str(await Counting(context).at_once("afterwards"))


async def chatting(task: str, context: RunContext) -> str:
    """One call of the model."""
    messages = [{"role": "user", "content": task}]
    answer = await context.model.chat.completions.create(model="demo", messages=messages)
    return str(answer.choices[0].message.content)


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    EFFECTS.clear()
    mine = (quick, asking, together, deciding, blocking, slow, chatting)
    with sample_agents.in_catalogue(*mine, sample_agents.impatient):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


@pytest.fixture
def only_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its start the runner looks at nothing that no event tells it of."""
    monkeypatch.setattr(noticing, "TICK", NEVER)


@pytest.fixture
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hint is lost; the runner looks often."""
    monkeypatch.setattr(Noticing, "take_events", lambda self, events: None)
    monkeypatch.setattr(noticing, "TICK", OFTEN)


def ends(run: Run, status: str) -> None:
    until(lambda: again(run).status == status, f"run {run.pk} is {status}")


def asks(run: Run) -> ApprovalRequest:
    ends(run, "waiting")
    return pending(run)[0]


def has_looked() -> None:
    """The runner's first look, which finds everything, is behind it."""
    ends(runs.submit("quick", "first"), "completed")


def reasons(run: Run) -> list[str]:
    """Why the run was given back, in order."""
    events = Event.objects.filter(run=run, kind="runs.requeued").order_by("id")
    return [event.payload["reason"] for event in events]


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception) -> None:
    """The first call of that raises, later ones do what they did."""
    real = getattr(owner, name)
    left = [error]

    def first_fails(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, first_fails)


# ---- Signing on and off


def test_a_runner_signs_on_by_name_and_signs_off_when_it_ends() -> None:
    with RunnerInThread():
        (found,) = Runner.objects.alive()
        assert (found.host, found.pid) == (socket.gethostname(), os.getpid())
        assert found.name.startswith(f"{found.host}-{found.pid}-")
    assert not Runner.objects.alive().exists()
    assert Runner.objects.get().stopped


def test_two_runners_of_one_process_have_names_of_their_own() -> None:
    assert AgentRunner().name != AgentRunner().name


# ---- Until idle


def test_with_nothing_to_do_it_ends_and_writes_no_event() -> None:
    drive()
    assert not Event.objects.exists()


def test_it_ends_when_only_people_can_go_on(rita: User) -> None:
    run = driven("asking", "a")
    assert run.status == "waiting"
    approve_all(run, rita)
    drive()
    assert again(run).status == "completed"


def test_it_waits_for_a_backoff_that_is_due_soon_and_for_none_that_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noticing, "TICK", 0.1)
    soon, later = (runs.submit("quick", task) for task in ("soon", "later"))
    Run.objects.filter(pk=soon.pk).update(not_before=now() + timedelta(seconds=0.3))
    Run.objects.filter(pk=later.pk).update(not_before=now() + timedelta(hours=1))
    drive()
    assert (again(soon).status, again(later).status) == ("completed", "queued")


def test_it_takes_over_what_another_runner_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "TICK", 0.1)
    run = runs.submit("quick", "a")
    assert leases.claim_next("gone", 0.3) is not None
    drive()
    run = again(run)
    assert (run.status, run.fence) == ("completed", 2)
    assert reasons(run) == ["gone gave no sign"]


# ---- What a hint sets going


@pytest.mark.usefixtures("only_hints")
def test_new_work_is_begun_as_soon_as_the_log_tells_of_it() -> None:
    with RunnerInThread():
        has_looked()
        ends(runs.submit("quick", "a"), "completed")


@pytest.mark.usefixtures("only_hints")
def test_a_decision_lets_its_run_go_on_as_soon_as_the_log_tells_of_it(rita: User) -> None:
    with RunnerInThread():
        run = runs.submit("asking", "a")
        services.approve(asks(run).pk, by=rita)
        ends(run, "completed")


@pytest.mark.usefixtures("only_hints")
def test_a_deadline_is_noticed_when_it_passes(rita: User) -> None:
    people.gate("shapes", deadline_seconds=1)
    with RunnerInThread():
        run = runs.submit("asking", "a")
        ends(run, "completed")
    request = ApprovalRequest.objects.get(run=run)
    assert (request.status, request.resolution) == ("rejected", "deadline")
    assert not EFFECTS


@pytest.mark.usefixtures("only_hints")
def test_a_deadline_that_was_brought_forward_is_noticed_when_it_passes(rita: User) -> None:
    with RunnerInThread():
        run = runs.submit("asking", "a")
        services.shorten(asks(run).pk, 0.2)
        ends(run, "completed")
    assert ApprovalRequest.objects.get(run=run).resolution == "deadline"


@pytest.mark.usefixtures("only_hints")
def test_a_backoff_ends_when_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client(ScriptedModel):
        async def close(self) -> None:
            return None

    client = Client(ConnectionError("refused"), "Hello.")
    monkeypatch.setattr(model_client, "make_client", lambda: client)
    monkeypatch.setattr(chat, "backoff", lambda attempt: 0.2)
    with RunnerInThread():
        run = runs.submit("chatting", "Say hello")
        ends(run, "completed")
    assert len(reasons(run)) == 1
    assert again(run).result == "Hello."


@pytest.mark.usefixtures("only_hints")
def test_a_run_of_which_a_person_said_that_it_may_go_on_goes_on(rita: User) -> None:
    run = people.a_run(agent="quick", status="in_doubt", doubt={"kind": "diverged"})
    with RunnerInThread():
        has_looked()
        runs.resolve_doubt(run.pk, "start_again", by=rita, note="Looked.")
        ends(run, "completed")


def test_what_was_told_early_and_never_came_is_not_kept_for_ever() -> None:
    """As after a restore of the database: the log is shorter than what was told."""
    noticed = Noticing(DatabaseThreads(), lambda hint: True)
    for number in range(100, 100 + 3 * noticing.MOST_TOLD):
        noticed.claim_decided(Decided(number, 1, "approvals.approvalrequest"))
    assert len(noticed._told_of) <= noticing.MOST_TOLD
    noticed.take_events([Event(id=10**6, kind="runs.waiting", subject="ledger.run:1", data="{}")])
    assert not noticed._told_of, "the log is past them"


# ---- What no hint told


@pytest.mark.usefixtures("no_hints")
def test_without_any_hint_new_work_is_found() -> None:
    with RunnerInThread():
        ends(runs.submit("quick", "a"), "completed")


@pytest.mark.usefixtures("no_hints")
def test_without_any_hint_a_decision_is_found(rita: User) -> None:
    with RunnerInThread():
        run = runs.submit("asking", "a")
        services.approve(asks(run).pk, by=rita)
        ends(run, "completed")
    assert EFFECTS == {"a": 1}


@pytest.mark.usefixtures("no_hints")
def test_without_any_hint_a_deadline_is_found(rita: User) -> None:
    people.gate("shapes", deadline_seconds=1)
    with RunnerInThread():
        run = runs.submit("asking", "a")
        ends(run, "completed")
    assert ApprovalRequest.objects.get(run=run).resolution == "deadline"


def decide_before_the_suspension(monkeypatch: pytest.MonkeyPatch, rita: User) -> None:
    """Have what the next run asks approved right before it is written down as waiting."""
    suspend = leases.suspend

    def decided_first(run_id: int, fence: int, waiting_for: Any, **more: Any) -> None:
        monkeypatch.setattr(leases, "suspend", suspend)
        approve_all(runs.find_by_id(run_id), rita)
        suspend(run_id, fence, waiting_for, **more)

    monkeypatch.setattr(leases, "suspend", decided_first)


@pytest.mark.usefixtures("only_hints")
def test_a_decision_that_came_before_the_run_was_written_down_as_waiting_is_found(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noticing, "take_events", lambda self, events: None)
    decide_before_the_suspension(monkeypatch, rita)
    assert driven("asking", "a").status == "completed"
    assert reasons(Run.objects.get()) == ["decided"]


@pytest.mark.usefixtures("no_hints")
@pytest.mark.parametrize(("acting", "status"), [(False, "failed"), (True, "in_doubt")])
def test_programs_that_are_gone_are_noticed(acting: bool, status: str) -> None:
    with RunnerInThread():
        run = leases.start_library("billing", "shop-1", 0.1)
        if acting:
            step = Step("action", "pay", "action/pay/1", "{}")
            action_entries.start_action(Hold(run.pk, 1, 1, "shop-1"), step, None, None)
        ends(run, status)
    assert again(run).fence == 1, "nobody drives it again"


# ---- How many at once


@pytest.mark.usefixtures("only_hints")
@pytest.mark.parametrize("most", [1, 3])
def test_no_more_runs_are_driven_at_once_than_allowed(most: int) -> None:
    work = [runs.submit("together", str(most)) for _ in range(7)]
    drive(most_at_once=most)
    assert {again(run).status for run in work} == {"completed"}
    assert EFFECTS["most"] == most


@pytest.mark.usefixtures("only_hints")
@pytest.mark.parametrize("most", [1, 3])
def test_runs_that_are_decided_together_are_driven_as_there_is_room(rita: User, most: int) -> None:
    work = [runs.submit("deciding", str(most)) for _ in range(7)]
    drive()
    for run in work:
        approve_all(run, rita)
    drive(most_at_once=most)
    assert {again(run).status for run in work} == {"completed"}
    assert EFFECTS["most"] == most


def test_runs_that_wait_for_people_take_no_room(rita: User) -> None:
    waiting = [runs.submit("asking", str(number)) for number in range(3)]
    after = runs.submit("quick", "a")
    drive(most_at_once=1)
    assert {again(run).status for run in waiting} == {"waiting"}
    assert again(after).status == "completed"


@pytest.mark.parametrize("most", ["0", "-1"])
def test_a_runner_that_could_drive_nothing_is_refused(most: str) -> None:
    with pytest.raises(CommandError, match="from 1 up"):
        call_command("run_agents", "--until-idle", "--most-at-once", most)
    assert not Runner.objects.exists()


# ---- Stopping


def test_a_stop_lets_the_action_in_flight_end_and_starts_no_other() -> None:
    with RunnerInThread() as one:
        run = runs.submit("slow", "a")
        until(lambda: EFFECTS["begun"], "its action has begun")
        one.stop()
    assert EFFECTS == {"begun": 1, "ended": 1}
    run = again(run)
    assert (run.status, run.not_before, run.lease_until) == ("queued", None, None)
    assert reasons(run) == ["the runner was stopped"]
    drive()
    assert again(run).status == "completed"
    assert EFFECTS == {"begun": 1, "ended": 1, "afterwards": 1}


def test_a_stop_gives_back_a_run_that_lingers_for_a_timer_of_its_own(rita: User) -> None:
    with RunnerInThread() as one:
        run = runs.submit("impatient", "50")
        until(lambda: pending(run), "it has asked")
        one.stop()
    assert again(run).status == "queued"
    assert not EFFECTS


def test_a_stopped_runner_claims_nothing_more() -> None:
    with RunnerInThread() as one:
        one.stop()
        run = runs.submit("quick", "a")
    assert again(run).status == "queued"


def test_a_stop_while_work_is_being_claimed_claims_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = [runs.submit("quick", str(number)) for number in range(3)]
    claim = activation.claim_next
    here: list[AgentRunner] = []

    def claim_and_stop(*args: Any) -> Any:
        claimed = claim(*args)
        here[0]._loop.call_soon_threadsafe(here[0].stop)
        return claimed

    monkeypatch.setattr(activation, "claim_next", claim_and_stop)
    with asyncio.Runner(loop_factory=RunnerLoop) as loop:
        here.append(AgentRunner())
        loop.run(here[0].run())
    assert [again(run).status for run in work] == ["queued"] * 3
    assert [again(run).fence for run in work] == [1, 0, 0]


# ---- Leases


def test_a_run_that_holds_up_the_loop_keeps_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SIGN_EVERY", OFTEN)
    with RunnerInThread():
        run = runs.submit("blocking", "a")
        until(lambda: EFFECTS["begun"], "it blocks the loop")
        before = again(run).lease_until
        assert before is not None
        until(lambda: (again(run).lease_until or before) > before, "its lease is renewed")
        EFFECTS["go on"] += 1
        ends(run, "completed")
    assert again(run).fence == 1
    assert EFFECTS["begun"] == 1


def test_the_sign_of_life_goes_on_while_there_is_nothing_to_do(settings: Settings) -> None:
    settings.HITL_LEASE_SECONDS = 0.15
    with RunnerInThread():
        before = Runner.objects.get().seen_at
        until(lambda: Runner.objects.get().seen_at > before, "it gives a sign")


def test_a_lease_that_could_not_be_renewed_is_renewed_the_next_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HITL_LEASE_SECONDS = 0.15
    once(monkeypatch, leases, "renew", OperationalError("the server is away"))
    with RunnerInThread():
        before = Runner.objects.get().seen_at
        until(lambda: Runner.objects.get().seen_at > before, "it gives a sign")
    assert "were not renewed" in caplog.text


# ---- When something breaks


def test_a_database_that_does_not_answer_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(noticing, "TICK", 0.1)
    once(monkeypatch, delivery, "find_decided_runs", OperationalError("the server is away"))
    run = runs.submit("quick", "a")
    drive()
    assert again(run).status == "completed"
    assert "trying again" in caplog.text


@pytest.mark.parametrize(
    ("owner", "name"),
    [(deadlines, "expire_due"), (activation, "claim_next")],
    ids=["look", "claim"],
)
def test_a_bug_in_a_look_or_a_claim_is_logged_and_the_runner_lives(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(noticing, "TICK", OFTEN)
    once(monkeypatch, owner, name, ValueError("a bug of ours"))
    run = runs.submit("quick", "a")
    with RunnerInThread():
        ends(run, "completed")
    assert "a bug of ours" in caplog.text


def test_a_runner_that_is_to_end_by_itself_ends_with_a_bug_that_it_meets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once(monkeypatch, deadlines, "expire_due", ValueError("a bug of ours"))
    with pytest.raises(ValueError, match="a bug of ours"):
        drive()


def test_a_question_that_cannot_be_expired_keeps_no_other_from_it(
    rita: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = people.asked(), people.asked()
    ApprovalRequest.objects.update(deadline=now() - timedelta(seconds=1))
    pattern = patterns.find_by_model(ApprovalRequest)
    expire: Any = pattern.expire

    def fails(pk: int) -> Any:
        if pk == first.pk:
            raise ValueError("a bug of ours")
        return expire(pk)

    monkeypatch.setitem(patterns._patterns, pattern.label, replace(pattern, expire=fails))
    deadlines.expire_due()
    statuses = ApprovalRequest.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["pending", "rejected"]
    assert "a bug of ours" in caplog.text


def test_a_look_after_a_suspension_that_fails_loses_no_decision(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "TICK", NEVER)
    once(monkeypatch, delivery, "has_decided", OperationalError("the server is away"))
    decide_before_the_suspension(monkeypatch, rita)
    monkeypatch.setattr(Noticing, "take_events", lambda self, events: None)
    assert driven("asking", "a").status == "completed"


def test_a_run_that_could_not_be_driven_is_taken_up_again_when_its_lease_has_lapsed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go, past = Drive.go, now() - timedelta(seconds=1)

    async def breaks(drive: Drive) -> bool:
        monkeypatch.setattr(Drive, "go", go)
        lapsed = sync_to_async(Run.objects.filter(pk=drive.run.pk).update)
        await lapsed(lease_until=past)
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(noticing, "TICK", 0.1)
    monkeypatch.setattr(Drive, "go", breaks)
    run = runs.submit("quick", "a")
    drive()
    run = again(run)
    assert (run.status, run.fence) == ("completed", 2)
    assert f"Run {run.pk} could not be driven" in caplog.text
    assert "RuntimeError: a bug of ours" in caplog.text


def test_a_run_that_was_cancelled_meanwhile_leaves_the_runner_at_work() -> None:
    with RunnerInThread():
        run = runs.submit("slow", "a")
        until(lambda: EFFECTS["begun"], "its action has begun")
        runs.cancel(run.pk, actor="system")
        ends(runs.submit("quick", "b"), "completed")
    assert again(run).status == "cancelled"
    assert "afterwards" not in EFFECTS


# --- a run that is claimed again while it is driven


async def lingering(task: str, context: RunContext) -> Any:
    """Reads something outside; the test lets one after the other of these readings end."""

    async def outside() -> str:
        EFFECTS["read"] += 1
        number = EFFECTS["read"]
        while EFFECTS["go on"] < number:  # noqa: ASYNC110 - an Event would outlive its loop
            await asyncio.sleep(0.001)
        return "read"

    return await context.journal.remember(EntryKind.READ, "outside", {}, outside, "key")


def lapse(run: Run) -> None:
    """Its lease is over, as after a pause of the whole computer."""
    Run.objects.filter(pk=run.pk).update(lease_until=now() - timedelta(seconds=1))


def test_a_runner_keeps_its_run_when_the_lease_has_lapsed_and_nobody_has_taken_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noticing, "TICK", OFTEN)
    with sample_agents.in_catalogue(lingering), RunnerInThread():
        run = runs.submit("lingering", "x")
        until(lambda: EFFECTS["read"], "it reads")
        lapse(run)
        ends(runs.submit("quick", "looked meanwhile"), "completed")
        EFFECTS["go on"] = 1
        ends(run, "completed")
    assert (EFFECTS["read"], again(run).fence) == (1, 1)


def test_the_end_of_a_drive_that_was_overtaken_does_not_forget_the_one_that_goes_on() -> None:
    """Were it forgotten, nobody would renew its lease, and it would be claimed for ever."""
    with sample_agents.in_catalogue(lingering), RunnerInThread() as here:
        run = runs.submit("lingering", "x")
        until(lambda: EFFECTS["read"], "it reads")
        lapse(run)
        # As if the runner had found it before it had noted that it drives it.
        claimed = activation.claim_next(here._runner.name, 60)
        assert claimed is not None
        here._loop.call_soon_threadsafe(here._runner._start, claimed)
        until(lambda: EFFECTS["read"] == 2, "it is driven again")
        EFFECTS["go on"] = 1
        until(lambda: len(here._runner._tasks) == 1, "the first drive has ended")
        assert here._runner._drives[run.pk].journal.hold.fence == 2
        EFFECTS["go on"] = 2
        ends(run, "completed")
    assert again(run).fence == 2


def test_a_decision_is_kept_when_the_look_that_it_came_with_fails(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run waits in memory, for a time limit of its own: no later look would find it."""
    found = deadlines.expire_due
    failing: list[int] = []

    def expire_due() -> int:
        if failing:
            failing.clear()
            raise OperationalError("database is locked")
        return found()

    monkeypatch.setattr(deadlines, "expire_due", expire_due)
    monkeypatch.setattr(backoff, "AGAIN", OFTEN)
    with RunnerInThread() as here:
        run = runs.submit("impatient", "30")
        until(lambda: pending(run), "it asks")
        noticed = here._runner._noticing
        take = noticed.take_hints

        def take_with_a_tick(hints: list[Any]) -> None:
            if any(hint.decided for hint in hints):
                noticed._next_look = 0.0
                failing.append(1)
            take(hints)

        monkeypatch.setattr(noticed, "take_hints", take_with_a_tick)
        approve_all(run, rita)
        until(lambda: EFFECTS["wanted"], "what was approved is done")
    assert not failing
    assert not EFFECTS["instead"]


@pytest.mark.parametrize(("agent", "name"), [("quick", "complete"), ("asking", "suspend")])
@pytest.mark.parametrize("stood", [False, True])
def test_how_a_run_ended_is_written_down_when_the_database_answers_again(
    rita: User, monkeypatch: pytest.MonkeyPatch, agent: str, name: str, stood: bool
) -> None:
    """Otherwise it would be driven again when its lease has lapsed. `stood`: it was committed."""
    monkeypatch.setattr(threads, "PAUSES", (0.001, 0.001))
    write, failing = getattr(leases, name), [1, 1]

    def fails(*args: Any, **more: Any) -> Any:
        if stood:
            write(*args, **more)
        if failing:
            failing.pop()
            raise OperationalError("the server closed the connection")
        return write(*args, **more)

    monkeypatch.setattr(leases, name, fails)
    monkeypatch.setattr(noticing, "TICK", NEVER)
    run = driven(agent, "a")
    assert (run.status, run.fence) == ("completed" if agent == "quick" else "waiting", 1)


def test_how_an_action_ended_is_written_down_when_the_database_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "PAUSES", (0.001, 0.001))
    written = action_entries.finish_action
    failing = [1, 1]

    def finish(*args: Any) -> None:
        if failing:
            failing.pop()
            raise OperationalError("database is locked")
        written(*args)

    monkeypatch.setattr(action_entries, "finish_action", finish)
    EFFECTS["go on"] = 1
    assert driven("slow").status == "completed"
    assert EFFECTS["begun"] == 1
