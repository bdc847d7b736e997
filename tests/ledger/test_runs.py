"""Runs: which moves there are, who may make them, and that only one runner drives a run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.journal import action_entries, entries
from hitl_agents.journal.entries import Hold, Step
from ledger import catalogue, leases, runs
from ledger.catalogue import AgentSpec
from ledger.clock import now
from ledger.errors import AlreadyDecided, BadInput, IllegalMove, LostLease, Stale, UnknownId
from ledger.models import Event, JournalEntry, Run, Runner, RunStatus
from ledger.requests import deadlines, delivery
from ledger.transitions import move
from tests.support.claims import claim_waiting
from tests.support.people import a_run, asked, person, rita, root

pytestmark = pytest.mark.django_db

ARROWS = {
    "queued": {"running", "cancelled"},
    "running": {"queued", "waiting", "completed", "failed", "in_doubt", "cancelled"},
    "waiting": {"queued", "cancelled"},
    "in_doubt": {"queued", "failed", "cancelled"},
}
PAST, FUTURE = timedelta(seconds=-1), timedelta(minutes=5)


@pytest.fixture(autouse=True)
def an_agent() -> Iterator[None]:
    catalogue.register(AgentSpec("walker", "Walker", "Walks.", "tests.nowhere"))
    yield
    catalogue._specs.pop("walker")


def kinds(run: Run) -> list[str]:
    events = Event.objects.filter(subject=run.subject).order_by("id")
    return [event.kind.removeprefix("runs.") for event in events]


def entry(run: Run, kind: str = "question", status: str = "started", **fields: Any) -> JournalEntry:
    fields |= {"run": run, "kind": kind, "status": status, "name": "x", "fence": 1}
    key = f"{kind}/{JournalEntry.objects.count()}"
    return JournalEntry.objects.create(**{"key": key, "started_at": now(), **fields})


# ---- The table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("was", "to"), list(itertools.product(RunStatus, RunStatus)))
def test_only_the_arrows_of_the_table_can_be_taken(was: str, to: str) -> None:
    run = a_run(status=was)
    if to in ARROWS.get(was, set()):
        move(run, to, kind="runs.x", actor="system")
        assert runs.find_by_id(run.pk).status == to
        assert kinds(run) == ["x"]
    else:
        with pytest.raises(IllegalMove, match=f"from {was} to {to}"):
            move(run, to, kind="runs.x", actor="system")
        assert runs.find_by_id(run.pk).status == was
        assert kinds(run) == []


def test_a_run_that_is_over_has_no_way_on() -> None:
    assert {status for status in RunStatus if status not in Run.MOVES} == set(Run.OVER)


# ---- Giving work ---------------------------------------------------------------------------------


def test_submitted_work_is_queued_and_logged() -> None:
    run = runs.submit("walker", "Walk.", input={"far": [1, None]}, requester=rita())
    assert (run.status, run.task, run.input, run.requester) == (
        "queued",
        "Walk.",
        {"far": [1, None]},
        rita(),
    )
    assert (run.agent, run.owner, run.generation, run.fence) == ("walker", None, 1, 0)
    event = Event.objects.get()
    assert (event.kind, event.actor, event.run_id) == ("runs.submitted", "user:rita", run.pk)


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("agent", {"agent": "nobody"}),
        ("agent", {"agent": ""}),
        ("task", {"task": ""}),
        ("task", {"task": " \n"}),
        ("task", {"task": "x" * 20_001}),
        ("task", {"task": "a\0b"}),
        ("task", {"task": "\ud800"}),
        ("input", {"input": float("nan")}),
        ("input", {"input": {"a": 2**53}}),
        ("input", {"input": ["\0"]}),
        ("input", {"input": {1}}),
    ],
)
def test_bad_work_is_refused_by_name_and_stores_nothing(field: str, call: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as error:
        runs.submit(**{"agent": "walker", "task": "Walk.", **call})
    assert error.value.field == field
    assert not Run.objects.exists()
    assert not Event.objects.exists()


def test_an_unknown_agent_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(BadInput, match=r"known agents: .*walker"):
        runs.submit("wlaker", "Walk.")


@pytest.mark.parametrize("unknown", [0, 999_999, "x", "", None, [], 10**40])
def test_an_unknown_run_is_named(unknown: Any) -> None:
    for verb in (
        lambda: runs.find_by_id(unknown),
        lambda: runs.cancel(unknown, actor="system"),
        lambda: runs.resolve_doubt(unknown, "ran", by=root(), note="Looked."),
    ):
        with pytest.raises(UnknownId, match="There is no run"):
            verb()


# ---- Claiming ------------------------------------------------------------------------------------


def test_runs_are_claimed_oldest_first_each_once() -> None:
    first, second = a_run(status="queued", fence=0), a_run(status="queued", fence=0)
    claimed = [leases.claim_next(f"r{n}", 60) for n in range(3)]
    assert claimed == [first, second, None]
    run = runs.find_by_id(first.pk)
    assert (run.status, run.runner, run.fence) == ("running", "r0", 1)
    assert run.started_at is not None
    assert run.lease_until is not None
    assert 50 < (run.lease_until - now()).total_seconds() <= 60
    assert kinds(first) == ["started"]


def test_a_run_is_not_claimed_before_its_time() -> None:
    run = a_run(status="queued", not_before=now() + FUTURE)
    assert leases.claim_next("r", 60) is None
    Run.objects.update(not_before=now() + PAST)
    claimed = leases.claim_next("r", 60)
    assert claimed == run
    assert runs.find_by_id(run.pk).not_before is None


def test_a_run_whose_runner_gave_no_sign_is_taken_over() -> None:
    run = a_run(runner="gone", fence=4, lease_until=now() + PAST, started_at=now())
    claimed = leases.claim_next("r", 60)
    assert claimed == run
    assert claimed is not None
    assert (claimed.fence, claimed.runner) == (5, "r")
    assert kinds(run) == ["requeued", "resumed"]
    assert Event.objects.first().payload["reason"] == "gone gave no sign"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "fields",
    [
        {"lease_until": FUTURE},
        {"lease_until": PAST, "library": True},
        {"status": "waiting"},
        {"status": "in_doubt"},
        {"status": "completed"},
        {"status": "cancelled"},
    ],
)
def test_nothing_else_is_claimed(fields: dict[str, Any]) -> None:
    if "lease_until" in fields:
        fields = {**fields, "lease_until": now() + fields["lease_until"]}
    a_run(**fields)
    assert leases.claim_next("r", 60) is None


def test_a_waiting_run_is_claimed_once_when_what_it_waits_for_is_decided() -> None:
    run = a_run(status="waiting", fence=2, started_at=now())
    claimed = claim_waiting(run.pk)
    assert claimed is not None
    assert (claimed.fence, claimed.status) == (3, "running")
    assert claim_waiting(run.pk, "s") is None
    assert kinds(run) == ["requeued", "resumed"]


Write = Callable[[Run, int], None]
WRITES: dict[str, Write] = {
    "suspend": lambda run, fence: leases.suspend(run.pk, fence, []),
    "requeue": lambda run, fence: leases.requeue(
        run.pk, fence, delay=0, reason="x", failed_try=False
    ),
    "complete": lambda run, fence: leases.complete(run.pk, fence, None),
    "fail": lambda run, fence: leases.fail(run.pk, fence, "x"),
    "doubt": lambda run, fence: leases.doubt(run.pk, fence, {"kind": "diverged"}),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_runner_that_lost_the_run_writes_nothing_more(write: str) -> None:
    run = a_run(fence=4, runner="zombie", lease_until=now() + PAST)
    leases.claim_next("r", 60)
    before, events = Run.objects.values().get(), Event.objects.count()
    with pytest.raises(LostLease):
        WRITES[write](run, 4)
    assert (Run.objects.values().get(), Event.objects.count()) == (before, events)
    WRITES[write](run, 5)
    assert runs.find_by_id(run.pk).status != "running"


@pytest.mark.parametrize("write", WRITES)
def test_after_a_cancel_the_runner_writes_nothing_more(write: str) -> None:
    run = a_run(fence=4)
    runs.cancel(run.pk, actor="system")
    with pytest.raises(LostLease):
        WRITES[write](run, 4)
    assert runs.find_by_id(run.pk).status == "cancelled"


def test_a_sign_of_life_renews_the_leases_and_writes_no_event() -> None:
    mine = a_run(runner="r", lease_until=now() + PAST)
    other = a_run(runner="s", lease_until=now() + PAST)
    Runner.objects.create(name="r", host="h", pid=1, started_at=now(), seen_at=now() - FUTURE)
    assert not Runner.objects.alive().exists()
    leases.renew("r", [mine.pk, other.pk], 60)
    renewed = runs.find_by_id(mine.pk).lease_until
    assert renewed is not None
    assert 50 < (renewed - now()).total_seconds() < 61  # SQLite's clock has milliseconds
    kept = runs.find_by_id(other.pk).lease_until
    assert kept is not None
    assert kept < now()
    assert Runner.objects.alive().get().name == "r"
    assert not Event.objects.exists()


def test_giving_back_keeps_the_time_and_counts_the_failed_tries() -> None:
    run = a_run(attempts=1, lease_until=now() + FUTURE)
    leases.requeue(run.pk, 1, delay=30, reason="The model is away.", failed_try=True)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.lease_until) == ("queued", 2, None)
    assert run.not_before is not None
    assert 25 < (run.not_before - now()).total_seconds() < 31
    leases.claim_next("r", 60)
    run = a_run()
    leases.requeue(run.pk, 1, delay=0, reason="Stopped.", failed_try=False)
    run.refresh_from_db()
    assert (run.attempts, run.not_before) == (0, None)


# ---- Waiting for people --------------------------------------------------------------------------


def waits_for(run: Run, *asked_for: ApprovalRequest) -> list[JournalEntry]:
    return [
        entry(run, request_kind="approvals.approvalrequest", request_id=one.pk) for one in asked_for
    ]


def test_only_a_waiting_run_with_a_decided_question_is_found() -> None:
    run = a_run()
    one, other = asked(run), asked(run)
    entries = waits_for(run, one, other)
    leases.suspend(run.pk, 1, [row.pk for row in entries])
    assert delivery.find_decided_runs() == []
    assert not delivery.has_decided(run.pk)
    services.approve(one.pk, by=rita())
    assert delivery.find_decided_runs() == [run.pk]
    assert delivery.has_decided(run.pk)
    claim_waiting(run.pk)
    assert delivery.find_decided_runs() == []


@pytest.mark.parametrize("verdict", ["approve", "reject", "revise", "edit", "cancel", "expire"])
def test_whatever_ends_a_question_wakes_the_run(verdict: str) -> None:
    run = a_run()
    question = asked(run)
    (row,) = waits_for(run, question)
    leases.suspend(run.pk, 1, [row.pk])
    match verdict:
        case "approve":
            services.approve(question.pk, by=rita())
        case "reject":
            services.reject(question.pk, by=rita(), feedback="No.")
        case "revise":
            services.request_revision(question.pk, by=rita(), feedback="Shorter.")
        case "edit":
            services.edit_and_approve(question.pk, by=rita(), details={})
        case "cancel":
            services.cancel(question.pk, actor="system")
        case "expire":
            ApprovalRequest.objects.update(deadline=now() + PAST)
            deadlines.expire_due()
    assert delivery.find_decided_runs() == [run.pk]


def test_a_question_that_the_agent_dropped_does_not_wake_it_again_and_again() -> None:
    run = a_run()
    dropped, wanted = asked(run), asked(run)
    rows = waits_for(run, dropped, wanted)
    leases.suspend(run.pk, 1, [row.pk for row in rows])
    services.approve(dropped.pk, by=rita())
    claim_waiting(run.pk)
    leases.suspend(run.pk, 2, [rows[1].pk])
    assert delivery.find_decided_runs() == []
    assert not delivery.has_decided(run.pk)
    services.approve(wanted.pk, by=rita())
    assert delivery.find_decided_runs() == [run.pk]


def test_a_decision_is_delivered_once() -> None:
    request = services.approve(asked(a_run()).pk, by=rita())
    for _ in range(2):
        delivery.deliver(request, actor="runner:r")
    assert services.find_by_id(request.pk).delivered_at is not None
    assert Event.objects.filter(kind="approvals.delivered").count() == 1


# ---- Ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_the_open_questions_of_a_run_end_with_it(end: str) -> None:
    run = a_run()
    waiting, decided, alien = asked(run), asked(run), asked(a_run())
    services.approve(decided.pk, by=rita())
    if end == "cancel":
        runs.cancel(run.pk, by=person("olga", "Operators"), reason="Not needed.")
    else:
        WRITES[end](run, 1)
    assert services.find_by_id(waiting.pk).status == "cancelled"
    assert services.find_by_id(decided.pk).status == "approved"
    assert services.find_by_id(alien.pk).status == "pending"
    assert not ApprovalRequest.objects.filter(run=run).undelivered().exists()
    event = Event.objects.get(subject=waiting.subject, kind="approvals.cancelled")
    assert event.actor == ("user:olga" if end == "cancel" else "runner:")


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "in_doubt"])
def test_a_run_that_is_not_over_can_be_cancelled(status: str) -> None:
    run = runs.cancel(a_run(status=status).pk, actor="system", reason="Enough.")
    run.refresh_from_db()
    assert (run.status, run.error, run.lease_until) == ("cancelled", "Enough.", None)
    assert run.finished_at is not None
    assert leases.claim_next("r", 60) is None


@pytest.mark.parametrize("status", Run.OVER)
def test_a_run_that_is_over_cannot_be_cancelled(status: str) -> None:
    run = a_run(status=status)
    with pytest.raises(AlreadyDecided, match=f"is already {status}"):
        runs.cancel(run.pk, actor="system")
    assert runs.find_by_id(run.pk).status == status


@pytest.mark.parametrize("reason", ["a\0", "\ud800", "x" * 10_001])
def test_a_reason_that_cannot_be_stored_cancels_nothing(reason: str) -> None:
    run = a_run()
    with pytest.raises(BadInput):
        runs.cancel(run.pk, actor="system", reason=reason)
    assert runs.find_by_id(run.pk).status == "running"


def test_whatever_an_error_contains_the_run_fails_with_it() -> None:
    run = a_run()
    leases.fail(run.pk, 1, "No file \udce4\0.txt")
    assert runs.find_by_id(run.pk).error == "No file \ufffd\ufffd.txt"
    run = a_run()
    leases.doubt(run.pk, 1, {"kind": "diverged", "was": "\0", "now": ["\ud800", float("nan")]})
    assert runs.find_by_id(run.pk).doubt == {
        "kind": "diverged",
        "was": "\ufffd",
        "now": ["\ufffd", "nan"],
    }


# ---- Doubt ---------------------------------------------------------------------------------------


def doubtful(**fields: Any) -> tuple[Run, JournalEntry]:
    run = a_run(**fields)
    row = entry(run, "action")
    leases.doubt(run.pk, run.fence, {"kind": "action", "entry": row.pk, "name": "x"})
    return runs.find_by_id(run.pk), row


@pytest.mark.parametrize(
    ("verdict", "status", "entry_status"),
    [
        ("ran", "queued", "done"),
        ("did_not_run", "queued", "cleared"),
        ("abandon", "failed", "failed"),
    ],
)
def test_a_person_says_what_happened(verdict: str, status: str, entry_status: str) -> None:
    run, row = doubtful()
    answer = runs.resolve_doubt(run.pk, verdict, by=rita(), note="The mail is there.")
    row.refresh_from_db()
    assert (answer.status, row.status) == (status, entry_status)
    assert runs.find_by_id(run.pk).doubt is None
    assert row.note == "rita: The mail is there."
    event = Event.objects.get(kind="runs.doubt_resolved")
    assert event.actor == "user:rita"
    assert (event.payload["verdict"], event.payload["note"]) == (verdict, "The mail is there.")


def test_what_a_person_says_is_the_result_of_the_action_that_ran() -> None:
    run, row = doubtful()
    runs.resolve_doubt(run.pk, "ran", by=rita(), note="It is there.")
    row.refresh_from_db()
    assert row.result == {"reported": "It is there.", "by": "rita"}


def test_starting_again_leaves_the_old_journal_and_its_questions_behind() -> None:
    run = a_run()
    pending, decided = asked(run, key="1:a"), asked(run, key="1:b")
    rows = waits_for(run, pending, decided)
    JournalEntry.objects.update(status="waiting")
    services.approve(decided.pk, by=rita())
    leases.doubt(run.pk, 1, {"kind": "diverged"})
    runs.resolve_doubt(run.pk, "start_again", by=rita(), note="The code has changed.")
    run.refresh_from_db()
    assert (run.status, run.generation) == ("queued", 2)
    assert services.find_by_id(pending.pk).status == "cancelled"
    leases.claim_next("r", 60)
    leases.suspend(run.pk, 2, [])
    assert delivery.find_decided_runs() == []
    assert not delivery.has_decided(run.pk)
    assert {row.status for row in JournalEntry.objects.filter(pk__in=[r.pk for r in rows])} == {
        "abandoned"
    }


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("action", "start_again"), ("diverged", "ran"), ("diverged", "did_not_run"), ("action", "")],
)
def test_an_answer_that_does_not_fit_the_doubt_is_refused(kind: str, verdict: str) -> None:
    run = a_run(status="in_doubt", doubt={"kind": kind})
    with pytest.raises(BadInput, match="accepted are"):
        runs.resolve_doubt(run.pk, verdict, by=rita(), note="Looked.")
    assert runs.find_by_id(run.pk).status == "in_doubt"


@pytest.mark.parametrize("note", ["", "  ", "a\0", "x" * 10_001])
def test_an_answer_needs_its_evidence(note: str) -> None:
    run, _ = doubtful()
    with pytest.raises(BadInput) as error:
        runs.resolve_doubt(run.pk, "ran", by=rita(), note=note)
    assert error.value.field == "feedback"
    assert runs.find_by_id(run.pk).status == "in_doubt"


def test_the_second_answer_to_a_doubt_does_not_count() -> None:
    run, row = doubtful()
    runs.resolve_doubt(run.pk, "did_not_run", by=rita(), note="Nothing there.")
    with pytest.raises(AlreadyDecided, match="not in doubt any more"):
        runs.resolve_doubt(run.pk, "ran", by=root(), note="It is there.")
    row.refresh_from_db()
    assert row.status == "cleared"


def test_an_answer_to_an_older_doubt_is_not_taken_for_the_newer_one() -> None:
    run, _ = doubtful()
    shown = run.fence
    runs.resolve_doubt(run.pk, "ran", by=rita(), note="It is there.", fence=shown)
    claimed = leases.claim_next("r", 60)
    assert claimed is not None
    second = entry(run, "action")
    leases.doubt(run.pk, claimed.fence, {"kind": "action", "entry": second.pk})
    with pytest.raises(Stale):
        runs.resolve_doubt(run.pk, "ran", by=root(), note="It is there.", fence=shown)
    second.refresh_from_db()
    assert second.status == "started"


# ---- What a run remembers ------------------------------------------------------------------------


def test_whatever_a_model_says_or_an_action_fails_with_is_journaled() -> None:
    hold = Hold(a_run().pk, 1, 1, "r")
    said = entries.note_done(hold, _step("a"), {"text": "a\0", "odd": ["\ud800"]}, now())
    failed = entries.note_failed(hold, _step("b"), "No \0.", now())
    action = action_entries.start_action(hold, _step("c"), None, None)
    action_entries.fail_action(hold, action, "No file \udce4.")
    for row in (said, failed, action):
        shown = row.result, row.error
        row.refresh_from_db()
        assert (row.result, row.error) == shown
    assert said.result == {"text": "a\ufffd", "odd": ["\ufffd"]}
    assert (failed.error, action.error) == ("No \ufffd.", "No file \ufffd.")


def _step(key: str) -> Step:
    return Step("model", "x", key, "{}")


# ---- Programs that drive their own runs ----------------------------------------------------------


def test_a_program_that_is_gone_leaves_a_failed_run_or_a_doubt() -> None:
    quiet = leases.start_library("mine", "p", 60)
    acting = leases.start_library("mine", "p", 60)
    alive = leases.start_library("mine", "p", 60)
    entry(acting, "action")
    entry(quiet, "action", "done")
    question = asked(quiet)
    Run.objects.exclude(pk=alive.pk).update(lease_until=now() + PAST)
    assert leases.sweep_library() == 2
    assert leases.sweep_library() == 0
    quiet, acting, alive = (runs.find_by_id(run.pk) for run in (quiet, acting, alive))
    assert (quiet.status, quiet.error) == ("failed", leases.GONE)
    assert (acting.status, (acting.doubt or {})["kind"]) == ("in_doubt", "action")
    assert alive.status == "running"
    assert services.find_by_id(question.pk).status == "cancelled"


def test_a_programs_run_is_never_driven_by_a_runner_whatever_a_person_says() -> None:
    run, _ = doubtful(library=True)
    runs.resolve_doubt(run.pk, "did_not_run", by=rita(), note="Nothing there.")
    assert runs.find_by_id(run.pk).status == "failed"
    assert leases.claim_next("r", 60) is None
