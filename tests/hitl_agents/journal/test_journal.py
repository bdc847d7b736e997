"""The journal: each step is found again by what it is, and is done once, however often replayed."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals import services
from approvals.actions import ActionFailed
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import action_entries, entries, threads
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.entries import Hold
from hitl_agents.journal.journal import Journal
from hitl_agents.journal.steps import StepFailed
from hitl_agents.journal.threads import DatabaseThreads
from ledger import runs
from ledger.errors import BadInput, UnknownId
from ledger.models import EntryKind, Event, JournalEntry, Run
from tests.support import people
from tests.support.activations import (
    Ask,
    activate,
    ask,
    begun,
    first_life,
    nudged,
    parked,
    scripts,
    wait,
)

READ = EntryKind.READ
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    with scripts():
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


def approve(run: Run, by: User) -> Run:
    """Approve what the run asks, and go on."""
    services.approve(ApprovalRequest.objects.get(run=run, status="pending").pk, by=by)
    return activate(run)


def counting(counts: Counter[str], name: str, answer: Any = None) -> Callable[[], Any]:
    """What a step calls: it counts how often it really happens."""

    async def call() -> Any:
        counts[name] += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


# ---- Keys ----------------------------------------------------------------------------------------


def a_journal() -> Journal:
    """One that has not done anything, of a run without rows."""
    return Journal(Activation(Run(pk=1), Hold(1, 1, 1, "r"), [], {}), DatabaseThreads())


def test_the_same_step_has_the_same_key_whatever_came_before_it() -> None:
    one, other = a_journal(), a_journal()
    steps: list[tuple[EntryKind, str, Any]] = [
        (EntryKind.MODEL, "demo", {"say": "a"}),
        (EntryKind.MODEL, "demo", {"say": "b"}),
        (EntryKind.READ, "demo", {"say": "a"}),
    ]
    forth = {one.rows.identify_step(*step).key for step in steps}
    back = {other.rows.identify_step(*step).key for step in reversed(steps)}
    assert len(forth) == 3
    assert forth == back


def test_the_order_of_names_in_what_a_step_is_about_makes_no_difference() -> None:
    first = a_journal().rows.identify_step(READ, "x", {"a": 1, "b": 2})
    second = a_journal().rows.identify_step(READ, "x", {"b": 2, "a": 1})
    assert first == second


def test_identical_steps_are_counted_each_kind_of_them_by_itself() -> None:
    journal = a_journal()
    keys = [
        journal.rows.identify_step(READ, name, {}, "k").key for name in ("a", "b", "a", "b", "a")
    ]
    assert keys == ["read/a/k", "read/b/k", "read/a/k#2", "read/b/k#2", "read/a/k#3"]


@pytest.mark.django_db(transaction=False)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy computer
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]), st.sampled_from(["k", "k#2", "k#2#2", "k#3", "k/2", "#1"])
        ),
        max_size=30,
    )
)
def test_no_two_steps_share_a_key_whatever_their_authors_call_them(
    steps: list[tuple[str, str]],
) -> None:
    journal = a_journal()
    keys = [journal.rows.identify_step(READ, name, {}, key).key for name, key in steps]
    assert len(set(keys)) == len(steps)


def test_a_key_fits_its_column_however_long_its_parts_are() -> None:
    journal = a_journal()
    names = ["n" * 200, "n" * 199 + "m"]
    keys = ["k" * 200, "k" * 199 + "l"]
    made = [
        journal.rows.identify_step(EntryKind.QUESTION, name, {}, key).key
        for _ in range(12)
        for name, key in itertools.product(names, keys)
    ]
    assert len(set(made)) == 48
    assert max(map(len, made)) <= 300


@pytest.mark.parametrize(
    ("field", "name", "key"),
    [
        ("key", "x", "k" * 201),
        ("key", "x", "a\0b"),
        ("key", "x", "\ud800"),
        ("name", "n" * 201, None),
        ("name", "a\0b", None),
    ],
)
def test_what_no_column_holds_is_refused_by_name(field: str, name: str, key: str | None) -> None:
    with pytest.raises(BadInput) as error:
        a_journal().rows.identify_step(READ, name, {}, key)
    assert error.value.field == field


# ---- Remembering ---------------------------------------------------------------------------------


def test_a_step_is_made_once_and_answers_the_same_on_each_replay(rita: User) -> None:
    counts: Counter[str] = Counter()
    seen: list[Any] = []

    async def body(context: RunContext) -> Any:
        for name in ("a", "a", "b"):
            call = counting(counts, name, {"nth": sum(counts.values())})
            seen.append(await context.journal.remember(READ, name, {}, call))
        return await wait(context)

    run = approve(first_life(body), rita)
    assert (run.status, run.result) == ("completed", "approved")
    assert counts == {"a": 2, "b": 1}
    assert seen == [{"nth": 0}, {"nth": 1}, {"nth": 2}] * 2


@pytest.mark.parametrize(
    "answer", [None, "", 0, [], {"a": [1.5, None]}, (1, (2,)), {1: "one", None: 2}, "a\0b"]
)
def test_the_first_time_answers_exactly_what_a_replay_does(rita: User, answer: Any) -> None:
    seen: list[str] = []

    async def body(context: RunContext) -> Any:
        seen.append(repr(await context.read("x", lambda: answer)))
        return await wait(context)

    approve(first_life(body), rita)
    assert len(seen) == 2
    assert seen[0] == seen[1]


@pytest.mark.parametrize("answer", [None, (1, (2,)), {"a": (3,)}, {1, 2}, "a\0b"])
def test_an_action_too_answers_the_first_time_what_a_replay_does(rita: User, answer: Any) -> None:
    seen: list[str] = []

    async def body(context: RunContext) -> Any:
        async def effect(_: Any) -> Any:
            return answer

        seen.append(repr(await context.journal.act("x", {}, effect)))
        return await wait(context)

    approve(first_life(body), rita)
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_a_failed_step_is_met_again_and_not_tried_again(rita: User) -> None:
    counts: Counter[str] = Counter()
    met: list[str] = []

    async def body(context: RunContext) -> Any:
        try:
            call = counting(counts, "x", StepFailed("The server said no."))
            await context.journal.remember(READ, "x", {}, call)
        except StepFailed as error:
            met.append(str(error))
        return await wait(context)

    run = approve(first_life(body), rita)
    assert run.status == "completed"
    assert counts == {"x": 1}
    assert met == ["The server said no."] * 2


def test_any_other_error_is_no_outcome_and_the_step_is_tried_again(rita: User) -> None:
    counts: Counter[str] = Counter()

    async def body(context: RunContext) -> Any:
        try:
            await context.journal.remember(READ, "x", {}, counting(counts, "x", OSError("gone")))
        except OSError:
            return await wait(context)

    approve(first_life(body), rita)
    assert counts == {"x": 2}
    assert not JournalEntry.objects.filter(kind="read").exists()


def test_an_explicit_key_keeps_its_answer_and_notes_once_that_the_input_changed(
    rita: User,
) -> None:
    counts: Counter[str] = Counter()
    lives = itertools.count(1)

    async def body(context: RunContext) -> Any:
        life = next(lives)
        call = counting(counts, "x", f"in life {life}")
        found = await context.journal.remember(READ, "x", {"life": life}, call, "mine")
        return [found, await wait(context, "a"), await wait(context, "b")]

    run = first_life(body)
    entry = JournalEntry.objects.get(kind="read")
    assert (entry.key, entry.note) == ("read/x/mine", "")
    run = approve(run, rita)
    entry.refresh_from_db()
    assert entry.note == "kept: what was asked has changed since"
    assert '"life":1' in entry.input
    assert approve(run, rita).result == ["in life 1", "approved", "approved"]
    assert counts == {"x": 1}


def test_a_database_that_is_away_fails_no_reading_of_ours(rita: User) -> None:
    away = iter([True, False])

    def reading() -> str:
        if next(away):
            raise OperationalError("the server closed the connection")
        return "read"

    async def body(context: RunContext) -> Any:
        return await context.journal.read("lessons", reading, "k")

    run = first_life(body)
    assert (run.status, run.not_before is None) == ("queued", False)
    Run.objects.update(not_before=None)
    assert activate(run).result == "read"


# ---- Divergence ----------------------------------------------------------------------------------


async def ask_keyed(context: RunContext, what: str) -> Any:
    return await context.journal.ask(Ask(what), "mine")


async def act_keyed(context: RunContext, what: str) -> Any:
    async def effect(_: Any) -> str:
        return "done"

    return await context.journal.act("x", {"what": what}, effect, key="mine")


@pytest.mark.parametrize(("step", "kind"), [(ask_keyed, "question"), (act_keyed, "action")])
def test_a_question_or_an_action_that_became_another_stops_for_a_person(
    rita: User, step: Callable[[RunContext, str], Any], kind: str
) -> None:
    lives = itertools.count(1)

    async def body(context: RunContext) -> Any:
        try:
            await step(context, f"life {next(lives)}")
        except:  # what authors do  # noqa: E722
            return "caught"
        return await wait(context, "other")

    run = first_life(body)
    services.approve(ApprovalRequest.objects.get(details__contains="other").pk, by=rita)
    run = activate(run)
    assert run.status == "in_doubt"
    assert run.doubt is not None
    assert (run.doubt["kind"], "mine" in run.doubt["key"]) == ("diverged", True)
    assert "life 1" in str(run.doubt["was"])
    assert "life 2" in str(run.doubt["now"])
    assert JournalEntry.objects.filter(kind=kind, key__contains="mine").count() == 1


def test_started_again_it_asks_again_from_an_empty_journal(rita: User) -> None:
    lives = itertools.count(1)

    async def body(context: RunContext) -> Any:
        request, new = await context.journal.ask(Ask(f"life {min(2, next(lives))}"), "mine")
        await context.journal.wait(ApprovalRequest, request.pk)
        return new

    run = activate(nudged(first_life(body)))
    assert run.status == "in_doubt"
    runs.resolve_doubt(run.pk, "start_again", by=rita, note="It may.")
    run = activate(run)
    assert run.status == "waiting"
    statuses = ApprovalRequest.objects.filter(run=run).order_by("pk").values_list("status")
    assert [status for (status,) in statuses] == ["cancelled", "pending"]


def test_a_known_failure_of_an_action_is_met_again(rita: User) -> None:
    counts: Counter[str] = Counter()

    async def body(context: RunContext) -> Any:
        async def effect(_: Any) -> Any:
            counts["x"] += 1
            raise ActionFailed("no stamps")

        try:
            await context.journal.act("x", {}, effect)
        except ActionFailed as error:
            return [str(error), await wait(context)]

    assert approve(first_life(body), rita).result == ["no stamps", "approved"]
    assert counts == {"x": 1}


# ---- The end of an action ------------------------------------------------------------------------


async def act(context: RunContext, answer: Any = "posted") -> Any:
    """An action that returns or raises that; an author's careless `except` around it."""
    call = counting(Counter(), "x", answer)
    try:
        return await context.journal.act("x", {}, lambda _: call())
    except Exception as error:
        return f"caught {error}"


@pytest.mark.parametrize(
    ("answer", "writing", "said"),
    [
        ("posted", "finish_action", "it ran and returned 'posted'"),
        (ActionFailed("no stamps"), "fail_action", "it failed: no stamps"),
    ],
)
def test_an_action_whose_end_cannot_be_written_down_is_in_doubt_with_what_is_known(
    rita: User, monkeypatch: pytest.MonkeyPatch, answer: Any, writing: str, said: str
) -> None:
    def fail(*args: Any) -> Any:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(action_entries, writing, fail)
    run = first_life(lambda context: act(context, answer))
    assert run.status == "in_doubt"
    assert run.doubt is not None
    assert run.doubt["why"].startswith(said)


def test_an_action_that_breaks_off_after_its_agent_has_returned_is_in_doubt(rita: User) -> None:
    async def body(context: RunContext) -> Any:
        begun, returned = asyncio.Event(), asyncio.Event()

        async def effect(_: Any) -> Any:
            begun.set()
            await returned.wait()
            raise OSError("the post office burns")

        left.append(asyncio.create_task(context.journal.act("x", {}, effect)))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.02, returned.set)
        return "done"

    left: list[Any] = []
    run = first_life(body)
    assert run.status == "in_doubt"
    assert run.doubt is not None
    assert "the post office burns" in run.doubt["why"]


def test_a_stop_does_not_hide_why_an_action_is_in_doubt(rita: User) -> None:
    async def body(context: RunContext) -> Any:
        async def effect(_: Any) -> Any:
            context.journal.activity.stop()
            raise OSError("the post office burns")

        await context.journal.act("x", {}, effect)

    run = first_life(body)
    assert run.status == "in_doubt"
    assert run.doubt is not None
    assert "the post office burns" in run.doubt["why"]


def test_an_end_that_was_committed_as_the_connection_broke_is_told_once(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, breaks = action_entries.finish_action, [True]

    def finish_and_break(*args: Any) -> None:
        finish(*args)
        if breaks:
            breaks.pop()
            raise OperationalError("the server closed the connection")

    monkeypatch.setattr(threads, "PAUSES", (0.001,))
    monkeypatch.setattr(action_entries, "finish_action", finish_and_break)
    run = first_life(act)
    assert run.result == "posted"
    assert Event.objects.filter(run=run, kind="actions.finished").count() == 1


def test_a_known_failure_of_an_action_whose_run_was_lost_becomes_evidence(rita: User) -> None:
    async def body(context: RunContext) -> Any:
        async def effect(_: Any) -> Any:
            await sync_to_async(Run.objects.update)(fence=9)
            raise ActionFailed("no stamps")

        await context.journal.act("x", {}, effect)

    run = first_life(body)
    assert "it failed: no stamps" in JournalEntry.objects.get(run=run).evidence


# ---- Questions -----------------------------------------------------------------------------------


def test_a_question_is_asked_once_and_only_the_first_time_is_new(rita: User) -> None:
    seen: list[tuple[int, bool]] = []

    async def body(context: RunContext) -> Any:
        request, new = await context.journal.ask(Ask("it"))
        seen.append((request.pk, new))
        await context.journal.wait(ApprovalRequest, request.pk)
        return await wait(context, "more")

    run = approve(approve(first_life(body), rita), rita)
    assert run.status == "completed"
    asked = ApprovalRequest.objects.order_by("pk").first()
    assert asked is not None
    assert seen == [(asked.pk, True), (asked.pk, False), (asked.pk, False)]


def test_the_same_question_twice_is_two_questions(rita: User) -> None:
    async def body(context: RunContext) -> Any:
        return await asyncio.gather(wait(context), wait(context))

    run = first_life(body)
    assert ApprovalRequest.objects.filter(run=run).count() == 2


@pytest.mark.parametrize("pk", [999_999, "999999", "x", None, "", -1])
@pytest.mark.parametrize("timed", [False, True])
def test_waiting_for_an_unknown_id_is_refused_by_name(rita: User, pk: Any, timed: bool) -> None:
    async def body(context: RunContext) -> Any:
        journal = context.journal
        try:
            if timed:
                await journal.wait_or_leave(ApprovalRequest, pk, 60)
            await journal.wait(ApprovalRequest, pk)
        except UnknownId as error:
            return str(error)

    assert f"{pk}" in str(first_life(body).result)


@pytest.mark.parametrize("timed", [False, True])
def test_waiting_for_what_another_run_asked_is_refused(rita: User, timed: bool) -> None:
    alien = people.asked(people.a_run())

    async def body(context: RunContext) -> Any:
        if timed:
            await context.journal.wait_or_leave(ApprovalRequest, alien.pk, 60)
        await context.journal.wait(ApprovalRequest, alien.pk)

    run = first_life(body)
    assert run.status == "failed"
    assert f"ValueError: Run {run.pk} did not ask ApprovalRequest {alien.pk}." in run.error


def test_an_id_may_be_text(rita: User) -> None:
    async def body(context: RunContext) -> Any:
        decided = await context.journal.wait(ApprovalRequest, str(await ask(context)))
        return decided.feedback

    run = first_life(body)
    services.approve(ApprovalRequest.objects.get(run=run).pk, by=rita, feedback="Yes.")
    assert activate(run).result == "Yes."


def test_a_decision_between_the_look_and_the_wait_is_not_missed(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run stays in memory, because something else is in flight: only a poke tells it."""
    look, decided = entries.take_decision, asyncio.Event()
    there: list[tuple[asyncio.AbstractEventLoop, Journal]] = []

    def look_just_before_the_decision(*args: Any) -> Any:
        found = look(*args)
        if found is None:
            services.approve(ApprovalRequest.objects.get(status="pending").pk, by=rita)
            loop, journal = there[0]
            loop.call_soon_threadsafe(
                journal.activity.poke
            )  # as the runner does when it hears of it
        return found

    monkeypatch.setattr(entries, "take_decision", look_just_before_the_decision)

    async def body(context: RunContext) -> Any:
        there.append((asyncio.get_running_loop(), context.journal))

        async def long(_: Any) -> str:
            await asyncio.wait_for(decided.wait(), 5)
            return "done"

        async def asking() -> str:
            answer = await wait(context)
            decided.set()
            return answer

        return await asyncio.gather(asking(), context.journal.act("long", {}, long))

    run = first_life(body)
    assert (run.status, run.result, run.fence) == ("completed", ["approved", "done"], 1)


# ---- Giving up -----------------------------------------------------------------------------------


def test_of_two_waits_for_a_question_a_replay_gives_up_the_one_that_was_given_up(
    rita: User,
) -> None:
    async def body(context: RunContext) -> Any:
        pk = await ask(context)
        patient = asyncio.create_task(context.journal.wait(ApprovalRequest, pk))
        await asyncio.sleep(0)  # it waits first
        try:
            await asyncio.wait_for(context.journal.wait(ApprovalRequest, pk), 0.05)
        except TimeoutError:
            other = await wait(context, "other")
            return [other, (await patient).status]

    run = activate(nudged(first_life(body)))  # once more in between, with nothing decided
    entry = JournalEntry.objects.get(run=run, kind="question", request_id=_asked(run, "it"))
    assert (entry.status, entry.result) == ("waiting", {"given_up": [2]})
    services.approve(_asked(run, "it"), by=rita)
    services.approve(_asked(run, "other"), by=rita)
    assert activate(run).result == ["approved", "approved"]


async def slow_action(context: RunContext, life: int) -> Any:
    async def effect(_: Any) -> str:
        await asyncio.sleep(0.06)
        return "in the end"

    return await context.journal.act("x", {}, effect)


async def slow_reading(context: RunContext, life: int) -> Any:
    async def outside() -> str:
        await asyncio.sleep(3600 if life == 1 else 0)
        return "in the end"

    return await context.read("x", outside)


@pytest.mark.parametrize("step", [slow_action, slow_reading])
def test_a_step_that_the_agent_gave_up_on_is_given_up_on_by_each_replay(
    rita: User, step: Callable[[RunContext, int], Any]
) -> None:
    """Done meanwhile or quicker now: a replay must not go the other way than the first life."""
    lives = itertools.count(1)

    async def body(context: RunContext) -> Any:
        try:
            found = await asyncio.wait_for(step(context, next(lives)), 0.02)
        except TimeoutError:
            found = await context.read("instead", lambda: "instead")
        return [found, await wait(context, "a"), await wait(context, "b")]

    run = approve(first_life(body), rita)
    assert approve(run, rita).result == ["instead", "approved", "approved"]


def test_a_step_that_was_given_up_on_once_is_waited_for_when_nobody_gives_up(rita: User) -> None:
    lives = itertools.count(1)

    async def body(context: RunContext) -> Any:
        doing = asyncio.create_task(slow_action(context, 0))
        await asyncio.wait({doing}, timeout=0.02)
        if next(lives) == 1:
            doing.cancel()
            return await wait(context)
        return await doing

    assert approve(first_life(body), rita).result == "in the end"


def _asked(run: Run, what: str) -> int:
    return ApprovalRequest.objects.get(run=run, details__contains=f'"{what}"').pk


def test_a_question_given_up_while_another_give_up_is_written_does_not_stop_the_run(
    rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(context: RunContext) -> Any:
        waiting = asyncio.create_task(wait(context, "a"))
        await parked(context.journal)
        asking = asyncio.create_task(wait(context, "b"))
        waiting.cancel()  # its note is being written while the other is being asked
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({waiting, asking})
        await context.now()
        return "went on"

    run = first_life(body)
    assert run.result == "went on"
    given_up = JournalEntry.objects.filter(run=run, kind="question", status="abandoned")
    assert given_up.count() == 2


@pytest.mark.parametrize("while_asked", [False, True])
@pytest.mark.parametrize("trouble", ["lost", "away"])
def test_a_give_up_that_cannot_be_written_ends_the_activation(
    rita: User, monkeypatch: pytest.MonkeyPatch, trouble: str, while_asked: bool
) -> None:
    """Nothing may wait for that note for ever: the runner would never be done with the run."""

    def fail(*args: Any) -> Any:
        monkeypatch.undo()
        if trouble == "away":
            raise OperationalError("the server closed the connection")
        runs.cancel(run.pk, actor="user:olga")
        return verb(*args)

    name = "ask" if while_asked else "give_up"
    verb = getattr(entries, name)
    monkeypatch.setattr(entries, name, fail)

    async def body(context: RunContext) -> Any:
        asking = asyncio.create_task(wait(context))
        await asyncio.sleep(0)
        if not while_asked:
            await parked(context.journal)
        asking.cancel()
        await asyncio.wait({asking})
        return await context.now()

    run = begun(body)
    run = activate(run)
    assert run.status == ("queued" if trouble == "away" else "cancelled")
