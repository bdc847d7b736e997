"""Everybody at once: one winner each, every loser told, and no error of the database gets out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.journal import activation
from ledger import leases, runs
from ledger.clock import now
from ledger.errors import AlreadyDecided, IllegalMove, LostLease, Refused, TooLate
from ledger.log.verify import verify
from ledger.models import Event, JournalEntry, Run
from tests.support.people import a_run, asked, gate, person, rita, root

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 200
ENDS = ("approvals.approved", "approvals.rejected", "approvals.revision_requested")


def at_once(*jobs: Callable[[], Any]) -> None:
    """Run each job in a thread of its own; raise the first error that one lets out."""
    failed: list[BaseException] = []

    def guarded(job: Callable[[], Any]) -> None:
        try:
            job()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in failed:
        raise error


# ---- Eight deciders on one request ---------------------------------------------------------------

Contender = Callable[[ApprovalRequest], Any]
CONTENDERS: dict[str, Contender] = {
    "user:rita": lambda one: services.approve(one.pk, by="rita", digest=one.digest),
    "user:jo": lambda one: services.approve(one.pk, by="jo"),
    "user:rex": lambda one: services.reject(one.pk, by="rex", feedback="No."),
    "user:rev": lambda one: services.request_revision(one.pk, by="rev", feedback="Shorter."),
    "user:ed": lambda one: services.edit_and_approve(one.pk, by="ed", details={"to": "bob"}),
    "system:request": lambda one: services.cancel(one.pk, actor="system:request"),
    "system:run": lambda one: runs.cancel(one.run_id, actor="system:run"),
    "deadline": lambda one: services.expire(one.pk),
}


class Fight:
    """All contenders on each request, one request after the other."""

    def __init__(self, requests: list[ApprovalRequest]) -> None:
        self.requests = requests
        self.told: dict[tuple[int, str], Refused | None] = {}
        self._line = threading.Barrier(len(CONTENDERS), action=self._next, timeout=200)
        self._round = -1

    def _next(self) -> None:
        """Before each round: on every fifth request the deadline is one of the contenders."""
        self._round += 1
        if self._round < len(self.requests) and self._round % 5 == 0:
            pk = self.requests[self._round].pk
            deadline = now() + timedelta(milliseconds=self._round % 4)
            ApprovalRequest.objects.filter(pk=pk).update(deadline=deadline)

    def contend(self, name: str) -> None:
        for request in self.requests:
            self._line.wait()
            try:
                CONTENDERS[name](request)
                self.told[request.pk, name] = None
            except Refused as error:
                self.told[request.pk, name] = error


def test_eight_deciders_at_once_have_one_winner_and_every_loser_is_told() -> None:
    for name in ("rita", "jo", "rex", "rev", "ed"):
        person(name, is_superuser=True)
    place = gate()
    fight = Fight([asked(a_run(), gate=place) for _ in range(REQUESTS)])
    at_once(*[lambda name=name: fight.contend(name) for name in CONTENDERS])
    won = Counter(assert_one_winner(request, fight) for request in fight.requests)
    assert sum(won.values()) == REQUESTS
    assert len(won) >= 5, won  # they really met
    assert verify().broken is None


def assert_one_winner(asked_for: ApprovalRequest, fight: Fight) -> str:
    """Who won this request, once the row, the log and what the losers were told agree."""
    request = services.find_by_id(asked_for.pk)
    events = Event.objects.filter(subject=request.subject, kind__in=(*ENDS, "approvals.cancelled"))
    event = events.get()  # one, not more
    winner = event.actor
    assert request.status == event.payload["now"]
    edited = ApprovalRequest.objects.filter(previous=request)
    assert [one.status for one in edited] == (["approved"] if winner == "user:ed" else [])
    for name in CONTENDERS:
        error = fight.told[request.pk, name]
        if name in (winner, "system:run", "deadline"):  # a run is cancelled, whatever it asked
            assert error is None, (winner, name, error)
        else:
            assert_told_of(winner, error)
    return winner


def assert_told_of(winner: str, error: Refused | None) -> None:
    if winner == "deadline":
        assert isinstance(error, TooLate), error
        return
    if isinstance(error, TooLate):  # the deadline passed before the winner's own commit was seen
        return
    assert isinstance(error, AlreadyDecided), error
    word = {"user:rex": "rejected", "user:rev": "needs revision"}.get(winner, "approved")
    said = f"{winner.removeprefix('user:')} decided first: {word}"
    assert ("A cancel decided first" if winner.startswith("system") else said) in str(error)


# ---- Approving against the deadline --------------------------------------------------------------


# Milliseconds until the deadline. In every tenth round it is far, in another it is now: however
# slow the machine, the person comes in time at least once and too late at least once.
CLOSE, FAR = 60, 60_000


class Duel:
    """A person against the deadline, on one request after the other."""

    def __init__(self, requests: list[ApprovalRequest]) -> None:
        self.requests = requests
        self.told: list[bool] = []
        self._line = threading.Barrier(2, action=self._next, timeout=200)
        self._left = iter(enumerate(requests))

    def _next(self) -> None:
        """Each round has its own deadline."""
        number, request = next(self._left)
        deadline = now() + timedelta(milliseconds={0: FAR, 5: 0}.get(number % 10, CLOSE))
        ApprovalRequest.objects.filter(pk=request.pk).update(deadline=deadline)

    def approve(self) -> None:
        for number, request in enumerate(self.requests):
            self._line.wait()
            # From 50 ms before the deadline to 48 ms after it, early and late by turns.
            time.sleep(0.010 + 0.002 * (number * 17 % 50))
            try:
                services.approve(request.pk, by="rita")
                self.told.append(True)
            except TooLate:
                self.told.append(False)

    def expire(self) -> None:
        for request in self.requests:
            self._line.wait()
            while services.expire(request.pk).status == "pending":
                time.sleep(0.001)


def test_around_the_deadline_it_is_either_approved_in_time_or_rejected() -> None:
    rita()
    duel = Duel([asked() for _ in range(50)])
    at_once(duel.expire, duel.approve)
    for request, in_time in zip(duel.requests, duel.told, strict=True):
        row = services.find_by_id(request.pk)
        assert row.status == ("approved" if in_time else "rejected")
        assert row.resolution == ("person" if in_time else "deadline")
        assert row.resolved_at is not None
        assert row.deadline is not None
        assert (row.resolved_at < row.deadline) == in_time
    assert Event.objects.filter(kind__in=ENDS).count() == len(duel.requests)
    assert 0 < sum(duel.told) < len(duel.told)  # both really happened


# ---- Runs ----------------------------------------------------------------------------------------


def test_each_run_is_claimed_by_one_runner() -> None:
    for _ in range(60):
        a_run(status="queued", fence=0)
    for _ in range(20):
        a_run(lease_until=now() - timedelta(seconds=1), started_at=now(), runner="gone")
    claimed: list[tuple[int, str]] = []

    def claim(name: str) -> None:
        while (run := leases.claim_next(name, 60)) is not None:
            claimed.append((run.pk, name))

    at_once(*[lambda name=name: claim(name) for name in ("a", "b", "c", "d")])
    assert len(claimed) == 80
    assert dict(claimed) == {run.pk: run.runner for run in Run.objects.all()}
    assert Event.objects.filter(kind__in=("runs.started", "runs.resumed")).count() == 80


def decided() -> Run:
    """A run that waits for an answer, which is there."""
    run = a_run()
    question = asked(run, gate=gate())
    entry = JournalEntry.objects.create(
        run=run,
        key="question/x",
        kind="question",
        name="x",
        status="started",
        fence=1,
        started_at=now(),
        request_kind="approvals.approvalrequest",
        request_id=question.pk,
    )
    leases.suspend(run.pk, 1, [entry.pk])
    services.approve(question.pk, by=rita())
    return run


def test_a_waiting_run_is_woken_by_one_of_those_who_heard_the_decision() -> None:
    waiting = [decided() for _ in range(40)]
    woken: list[int] = []

    def wake(name: str) -> None:
        for run in waiting:
            with suppress(activation.Held):  # PostgreSQL: another one is claiming it
                if activation.claim_waiting(run.pk, name, 60) is not None:
                    woken.append(run.pk)

    at_once(*[lambda name=name: wake(name) for name in ("a", "b", "c", "d")])
    assert sorted(woken) == [run.pk for run in waiting]


def test_a_run_that_is_cancelled_while_it_asks_leaves_no_question_behind() -> None:
    place = gate()
    driven = [a_run() for _ in range(60)]
    line = threading.Barrier(2, timeout=200)

    def ask() -> None:
        for run in driven:
            line.wait()
            try:
                asked(run, gate=place)
            except IllegalMove:
                continue

    def cancel() -> None:
        for run in driven:
            line.wait()
            runs.cancel(run.pk, actor="system")

    at_once(ask, cancel)
    assert not ApprovalRequest.objects.filter(status="pending").exists()
    assert Run.objects.filter(status="cancelled").count() == 60


def test_a_run_ends_once_whether_it_completes_or_is_cancelled() -> None:
    driven = [a_run() for _ in range(60)]
    line = threading.Barrier(2, timeout=200)
    told: dict[int, list[str]] = {run.pk: [] for run in driven}

    def complete() -> None:
        for run in driven:
            line.wait()
            try:
                leases.complete(run.pk, 1, "Done.")
                told[run.pk].append("completed")
            except LostLease:
                continue

    def cancel() -> None:
        for run in driven:
            line.wait()
            try:
                runs.cancel(run.pk, actor="system")
                told[run.pk].append("cancelled")
            except AlreadyDecided:
                continue

    at_once(complete, cancel)
    assert told == {run.pk: [run.status] for run in Run.objects.all()}


def test_two_people_who_answer_one_doubt_are_one_answer() -> None:
    rita(), root()
    doubtful = [a_run(status="in_doubt", doubt={"kind": "diverged"}) for _ in range(40)]
    line = threading.Barrier(2, timeout=200)
    answered: list[int] = []

    def answer(name: str, verdict: str) -> None:
        person_ = person(name)
        for run in doubtful:
            line.wait()
            try:
                runs.resolve_doubt(run.pk, verdict, by=person_, note="Looked.")
                answered.append(run.pk)
            except AlreadyDecided:
                continue

    at_once(lambda: answer("rita", "abandon"), lambda: answer("root", "start_again"))
    assert sorted(answered) == [run.pk for run in doubtful]
    assert Event.objects.filter(kind="runs.doubt_resolved").count() == 40


def test_the_same_question_asked_twice_at_once_is_one_request() -> None:
    place = gate()
    driven = [a_run() for _ in range(40)]
    line = threading.Barrier(2, timeout=200)
    found: list[int] = []

    def ask() -> None:
        for run in driven:
            line.wait()
            found.append(asked(run, gate=place, key="1:tell").pk)

    at_once(ask, ask)
    assert ApprovalRequest.objects.count() == 40
    assert set(Counter(found).values()) == {2}
