"""One event for each change and no change without an event, for every verb there is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, models
from django.db.models import F

from approvals import gates, services
from approvals.models import ApprovalRequest, Gate
from ledger import catalogue, leases, runs, transitions
from ledger.catalogue import AgentSpec
from ledger.clock import now
from ledger.errors import IllegalMove, Stale
from ledger.log.verify import verify
from ledger.models import Event, JournalEntry, Run
from ledger.requests import deadlines, delivery
from ledger.transitions import move, record, verb
from tests.support.claims import claim_waiting
from tests.support.people import a_run, asked, person, rita, root

pytestmark = pytest.mark.django_db

MODELS: list[type[models.Model]] = [Run, ApprovalRequest, JournalEntry, Gate]


@pytest.fixture(autouse=True)
def an_agent() -> Iterator[None]:
    catalogue.register(AgentSpec("walker", "Walker", "Walks.", "tests.nowhere"))
    yield
    catalogue._specs.pop("walker")


# ---- Every verb, on rows that it applies to ------------------------------------------------------


def running() -> Run:
    return a_run(runner="r", lease_until=now() + timedelta(minutes=1))


def lost(**fields: Any) -> Run:
    return a_run(runner="gone", lease_until=now() - timedelta(seconds=1), **fields)


def action_of(run: Run) -> JournalEntry:
    return JournalEntry.objects.create(
        run=run,
        key="action/x",
        kind="action",
        name="x",
        status="started",
        fence=1,
        started_at=now(),
    )


def in_doubt() -> Run:
    run = a_run()
    entry = action_of(run)
    leases.doubt(run.pk, 1, {"kind": "action", "entry": entry.pk})
    return run


def diverged() -> Run:
    run = a_run()
    leases.doubt(run.pk, 1, {"kind": "diverged"})
    asked(run)
    return run


def with_questions(**fields: Any) -> Run:
    run = a_run(**fields)
    asked(run)
    services.approve(asked(run).pk, by=rita())
    return run


def delivered() -> ApprovalRequest:
    request = asked(a_run())
    return services.approve(request.pk, by=rita())


def overdue() -> ApprovalRequest:
    request = asked()
    ApprovalRequest.objects.update(deadline=now() - timedelta(seconds=1))
    return request


def resolve(verdict: str) -> Callable[[Run], Any]:
    return lambda run: runs.resolve_doubt(run.pk, verdict, by=root(), note="Looked.")


Act = Callable[[Any], Any]
VERBS: dict[str, tuple[Callable[[], Any], Act]] = {
    "submit": (lambda: None, lambda _: runs.submit("walker", "Walk.")),
    "claim a queued run": (lambda: a_run(status="queued"), lambda _: leases.claim_next("r", 9)),
    "claim a lost run": (lost, lambda _: leases.claim_next("r", 9)),
    "claim a waiting run": (
        lambda: a_run(status="waiting"),
        lambda run: claim_waiting(run.pk),
    ),
    "suspend": (running, lambda run: leases.suspend(run.pk, 1, [])),
    "requeue": (
        running,
        lambda run: leases.requeue(run.pk, 1, delay=1, reason="x", failed_try=True),
    ),
    "complete": (with_questions, lambda run: leases.complete(run.pk, 1, {"a": 1})),
    "fail": (with_questions, lambda run: leases.fail(run.pk, 1, "It broke.")),
    "doubt": (running, lambda run: leases.doubt(run.pk, 1, {"kind": "diverged"})),
    "start in a program": (lambda: None, lambda _: leases.start_library("a", "p", 9)),
    "sweep": (lambda: lost(library=True), lambda _: leases.sweep_library()),
    "sweep in an action": (
        lambda: action_of(lost(library=True)),
        lambda _: leases.sweep_library(),
    ),
    "cancel a run": (with_questions, lambda run: runs.cancel(run.pk, actor="system")),
    "it ran": (in_doubt, resolve("ran")),
    "it did not run": (in_doubt, resolve("did_not_run")),
    "abandon": (in_doubt, resolve("abandon")),
    "start again": (diverged, resolve("start_again")),
    "ask": (a_run, asked),
    "ask below the threshold": (lambda: None, lambda _: asked(risk_level="low")),
    "approve": (asked, lambda one: services.approve(one.pk, by=rita())),
    "reject": (asked, lambda one: services.reject(one.pk, by=rita(), feedback="No.")),
    "revise": (asked, lambda one: services.request_revision(one.pk, by=rita(), feedback="?")),
    "edit": (asked, lambda one: services.edit_and_approve(one.pk, by=rita(), details={})),
    "expire": (overdue, lambda one: services.expire(one.pk)),
    "expire all": (overdue, lambda _: deadlines.expire_due()),
    "cancel a request": (asked, lambda one: services.cancel(one.pk, actor="system")),
    "shorten": (asked, lambda one: services.shorten(one.pk, 5)),
    "deliver": (delivered, lambda one: delivery.deliver(one, actor="runner:r")),
    "make a gate": (lambda: None, lambda _: gates.create("new", by=root())),
    "change a gate": (
        lambda: asked().gate,
        lambda gate: gates.change(
            gate.pk, by=root(), risk_threshold="high", deadline_seconds=9, deciders=[]
        ),
    ),
}
FURTHER = {"shorten", "deliver", "make a gate", "change a gate"}  # an event, but of no status
SETS_STATUS = re.compile(r'UPDATE "(ledger_run|approvals_approvalrequest)" SET "status"')


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS
    }


@pytest.mark.parametrize("name", VERBS)
def test_each_change_of_a_status_has_one_event_that_names_it(name: str) -> None:
    make, act = VERBS[name]
    row = make()
    rita(), root()
    before, moved = Event.objects.count(), 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal moved
        result = execute(sql, params, many, context)
        if SETS_STATUS.match(sql):
            moved += context["cursor"].rowcount
        return result

    with connection.execute_wrapper(count):
        act(row)
    events = list(Event.objects.filter(id__gt=before))
    assert len([event for event in events if "was" in event.payload]) == moved
    assert events
    if name in FURTHER:
        assert (moved, len(events)) == (0, 1)
    for model in (Run, ApprovalRequest):
        for one in model._default_manager.all():
            assert_told(one)
    assert verify().broken is None


def assert_told(row: Run | ApprovalRequest) -> None:
    """The log alone tells how the row came to its status."""
    steps = [e.payload for e in Event.objects.filter(subject=row.subject) if "was" in e.payload]
    for one, other in itertools.pairwise(steps):
        assert one["now"] == other["was"]
    if steps:
        assert steps[-1]["now"] == row.status


@pytest.mark.parametrize("name", VERBS)
def test_without_its_event_nothing_changes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, act = VERBS[name]
    row = make()
    rita(), root(), asked()  # what the acts make by the way is there
    before, events = rows(), Event.objects.count()

    def full(pending: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(transitions, "_append", full)
    with pytest.raises(OperationalError, match="disk full"):
        act(row)
    assert rows() == before
    assert Event.objects.count() == events
    monkeypatch.undo()
    act(services.find_by_id(row.pk) if isinstance(row, ApprovalRequest) else row)
    assert Event.objects.count() > events


# ---- move() --------------------------------------------------------------------------------------


def test_a_row_that_is_not_as_the_caller_thought_is_not_moved() -> None:
    stale = asked()
    services.approve(stale.pk, by=rita())
    events = Event.objects.count()
    with pytest.raises(Stale) as error:
        move(stale, "rejected", kind="approvals.rejected", actor="system")
    assert error.value.current is stale
    assert stale.status == "pending"
    assert services.find_by_id(stale.pk).status == "approved"
    assert Event.objects.count() == events


def test_an_arrow_that_is_not_in_the_table_is_refused_before_the_database_is_asked() -> None:
    run = a_run(status="completed")
    with pytest.raises(IllegalMove, match="no way from completed to running"):
        move(run, "running", kind="runs.started", actor="system")
    assert not Event.objects.exists()


def test_a_moved_object_shows_what_was_written() -> None:
    run = a_run(fence=7)
    move(
        run,
        "queued",
        kind="runs.requeued",
        actor="system",
        changes={"error": "x", "fence": F("fence") + 1},
        reason="why",
    )
    assert (run.status, run.error, run.fence) == ("queued", "x", 7)
    run.refresh_from_db()
    assert run.fence == 8
    event = Event.objects.get()
    assert (event.run_id, event.subject) == (run.pk, f"ledger.run:{run.pk}")
    assert event.payload == {"was": "running", "now": "queued", "reason": "why"}


def test_an_event_about_a_request_names_its_run() -> None:
    request = asked(a_run())
    assert Event.objects.get().run_id == request.run_id


# ---- verb() --------------------------------------------------------------------------------------


class Deadlock(Exception):
    sqlstate = "40P01"


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_repeats_the_verb_from_the_start() -> None:
    tries: list[int] = []

    @verb
    def twice() -> str:
        tries.append(1)
        record("runs.waiting", "ledger.run:1", actor="system")
        person(f"p{len(tries)}")
        if len(tries) < 3:
            raise transitions.OperationalError("deadlock detected") from Deadlock()
        return "done"

    assert twice() == "done"
    assert len(tries) == 3
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_any_other_error_of_the_database_is_not_repeated() -> None:
    tries: list[int] = []

    @verb
    def once() -> None:
        tries.append(1)
        raise transitions.OperationalError("database is locked")

    with pytest.raises(transitions.OperationalError, match="locked"):
        once()
    assert len(tries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_verb_after_a_lost_connection_opens_another() -> None:
    request = asked()
    reviewer = rita()
    if connection.vendor == "postgresql":
        with pytest.raises(transitions.OperationalError):
            connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    else:
        connection.errors_occurred = True
    assert services.approve(request.pk, by=reviewer).status == "approved"
