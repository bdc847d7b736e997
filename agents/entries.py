"""The journal's rows: each function is one transaction that holds the run's fence.

A start is committed before its effect and a result after it; whoever is killed between the two
leaves a start without a result, and that is how the next one knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from django.db.models import F

from approvals import envelope, services
from approvals.actions import ActionFailed
from approvals.models import ApprovalRequest, ApprovalStatus
from ledger import canonical, leases, patterns, requests
from ledger.clock import now, shown_now
from ledger.errors import LostLease
from ledger.leases import held
from ledger.models import HumanRequest, JournalEntry, Run
from ledger.prepared import Change, Rows, slot, together
from ledger.transitions import record, rows_for_update, verb, verb_once

Kind = JournalEntry.Kind
Status = JournalEntry.Status
APPROVAL = ApprovalRequest._meta.label_lower


@dataclass(frozen=True)
class Hold:
    """Which activation of which run writes: the fence is what another claim takes away."""

    run_id: int
    fence: int
    generation: int
    runner: str


@dataclass(frozen=True)
class Step:
    """What a step is: its kind, name, key within the run, and the text it is about."""

    kind: str
    name: str
    key: str
    input: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.input.encode()).hexdigest()


@dataclass(frozen=True)
class Activation:
    """A claimed run with all that its replay answers from: whoever resumes it reads once."""

    run: Run
    hold: Hold
    journal: list[JournalEntry]
    decided: dict[str, HumanRequest]  # decided questions, which never change, by their subject


@verb
def claim_next(runner: str, lease: float) -> Activation | None:
    """Claim a run that is queued and due, or whose runner is gone; None when there is none."""
    run = leases.claim_next(runner, lease)
    if run is None:
        return None
    return _activation(run, run.fence, run.runner, _journal(run=run.pk), {})


@verb_once
def claim_waiting(
    run_id: int,
    runner: str,
    lease: float,
    about: str = "",
    begun: Callable[[Activation], None] | None = None,
) -> Activation | None:
    """Claim a waiting run and take up what is decided, in one transaction; None if it waits not.

    `about` is the table of the question that was decided, if the caller knows: a hint of what to
    read. `begun` is given the activation before the commit, when the run is locked and all is read: its
    agent may be called meanwhile, if nothing of it is journaled before the claim stands.
    """
    hinted = [about] if patterns.known(about) else []
    asked = [_decided_of(label) for label in hinted]
    locked, journal, *decided = together(
        leases.locked_waiting, _journal, *asked, id=run_id, run=run_id
    )
    if not locked:
        return None
    run = locked[0]
    read = dict(zip(hinted, decided, strict=True))
    found = _activation(run, run.fence + 1, runner, journal, read)
    taken = list(_answered(found))
    if begun is not None:
        begun(found)
    # From here on the agent may be reading all this in another thread. What is moved is a copy.
    leases.take_locked(copy(run), runner, lease)
    for entry, answers in taken:
        _note_answer(found.hold, entry, answers)
    return found


def _answered(found: Activation) -> Iterator[tuple[JournalEntry, list[HumanRequest]]]:
    """Note in memory which awaited questions are answered: each entry, and what answers it."""
    at = shown_now()  # it decides nothing
    for entry in found.journal:
        request = found.decided.get(asked_in(entry))
        if entry.status == Status.WAITING and request is not None:
            effective = _answer(entry, request, at)
            found.decided[effective.subject] = effective
            yield entry, [request, effective]


def _activation(
    run: Run,
    fence: int,
    runner: str,
    journal: list[JournalEntry],
    read: dict[str, list[HumanRequest]],
) -> Activation:
    """`read` are decided questions by their table, as far as they are read already."""
    decided: dict[str, HumanRequest] = {}
    for label in {one.request_kind for one in journal if one.kind in (Kind.QUESTION, Kind.WAIT)}:
        found = read[label] if label in read else _decided_of(label)(run=run.pk)
        for request in found:
            request.run = run
            decided[request.subject] = request
    hold = Hold(run.pk, fence, run.generation, runner)
    return Activation(run, hold, journal, decided)


_journal = Rows(
    lambda: JournalEntry.objects.filter(
        run=slot(JournalEntry, "run"), generation=F("run__generation")
    ).order_by("pk")
)
_taken_up = Change(
    lambda: JournalEntry.objects.filter(pk=slot(JournalEntry, "id")),
    {name: slot(JournalEntry, name) for name in ("status", "finished_at", "result")},
)


@cache
def _decided_of(label: str) -> Rows[HumanRequest]:
    """The decided questions of one kind that a run has asked."""
    pattern = patterns.get(label)
    asked = pattern.model.objects.select_related(*pattern.related)
    return Rows(lambda: asked.filter(run=slot(pattern.model, "run"), resolved_at__isnull=False))


def asked_in(entry: JournalEntry) -> str:
    """The subject of the question that an entry is about; "" when it is about none."""
    return f"{entry.request_kind}:{entry.request_id}" if entry.request_id else ""


def _new(hold: Hold, step: Step, status: str, **fields: Any) -> JournalEntry:
    return JournalEntry.objects.create(
        run_id=hold.run_id,
        generation=hold.generation,
        key=step.key,
        kind=step.kind,
        name=step.name,
        input=step.input,
        input_digest=step.digest,
        status=status,
        fence=hold.fence,
        runner=hold.runner,
        started_at=fields.pop("started_at", None) or now(),
        **canonical.storable(fields),  # a model may say what PostgreSQL does not take
    )


@verb
def note_done(hold: Hold, step: Step, result: Any, started_at: Any) -> JournalEntry:
    """Journal a step that has no effect outside, such as a model call: its result only."""
    run = held(hold.run_id, hold.fence)
    if step.kind == Kind.MODEL:
        leases.model_answered(run)
    result = canonical.as_read(result)
    return _new(hold, step, Status.DONE, result=result, started_at=started_at, finished_at=now())


@verb
def note_written(
    hold: Hold, step: Step, write: Callable[[Run, str], Any], started_at: Any
) -> JournalEntry:
    """Journal a step that writes to this database, in one transaction with what `write` does.

    Whoever is killed leaves both or neither; `write(run, key)` returns JSON: a replay gets that.
    """
    run = held(hold.run_id, hold.fence)
    result = write(run, f"{hold.generation}:{step.key}")
    return _new(hold, step, Status.DONE, result=result, started_at=started_at, finished_at=now())


@verb
def note_failed(hold: Hold, step: Step, error: str, started_at: Any) -> JournalEntry:
    """Journal a step that ended with an error which a replay must meet again."""
    held(hold.run_id, hold.fence)
    return _new(hold, step, Status.FAILED, error=error, started_at=started_at, finished_at=now())


@verb
def add_note(hold: Hold, entry: JournalEntry, note: str) -> None:
    """Put a remark on an entry, for the run's page."""
    held(hold.run_id, hold.fence)
    entry.note = note
    entry.save(update_fields=["note"])


# ---- Questions ------------------------------------------------------------------------------


class Question(Protocol):
    """What a run asks people; each pattern has its own. It is stored once in the run's life."""

    @property
    def name(self) -> str:
        """What the journal calls it, such as the action that is asked for."""

    @property
    def about(self) -> Any:
        """JSON: what makes it this question and no other."""

    def store(self, run: Run, key: str) -> HumanRequest:
        """Make the row, with this key, inside the transaction of its journal entry."""


@verb
def ask(hold: Hold, step: Step, question: Question) -> tuple[JournalEntry, Any]:
    """Store the question and its journal row together, so that a replay never asks twice."""
    run = held(hold.run_id, hold.fence)
    request = question.store(run, f"{hold.generation}:{step.key}")
    entry = _new(
        hold,
        step,
        Status.STARTED,
        request_kind=request._meta.label_lower,
        request_id=request.pk,
        result={},
    )
    return entry, request


def asked(hold: Hold, entry: JournalEntry) -> Any:
    """The row of a question that was asked before."""
    return patterns.get(entry.request_kind).by_id(entry.request_id)


def shorten(hold: Hold, entry: JournalEntry, seconds: float) -> None:
    """Bring the deadline of a question forward, once."""
    shorten_it = patterns.get(entry.request_kind).shorten
    if shorten_it is None:
        raise TypeError(f"A {entry.request_kind} has no deadline.")
    shorten_it(entry.request_id, seconds)


@verb
def take_decision(hold: Hold, entry: JournalEntry) -> Any:
    """The decided question, noted as delivered to the run; None while nobody has decided."""
    pattern = patterns.get(entry.request_kind)
    request = pattern.by_id(entry.request_id)
    if request.resolved_at is None:
        return None
    if entry.status == Status.DONE:
        return pattern.effective(request)
    held(hold.run_id, hold.fence)
    return _take_up(hold, entry, request)


def _take_up(hold: Hold, entry: JournalEntry, request: HumanRequest) -> HumanRequest:
    """Note a decision as delivered and the question as answered. Inside a unit, the run held."""
    decided = _answer(entry, request, shown_now())
    _note_answer(hold, entry, [request, decided])
    return decided


def _answer(entry: JournalEntry, request: HumanRequest, at: datetime) -> HumanRequest:
    """What answers the question of this entry, which is done with it; in memory only."""
    decided: HumanRequest = patterns.get(entry.request_kind).effective(request)
    entry.status, entry.finished_at = Status.DONE, at
    entry.result = {**(entry.result or {}), "decided": decided.pk}
    return decided


def _note_answer(hold: Hold, entry: JournalEntry, decided: list[HumanRequest]) -> None:
    """Write down what _answer() found: decisions that are delivered, and the entry."""
    at = entry.finished_at
    for request in {one.pk: one for one in decided}.values():
        requests.deliver(request, actor=f"runner:{hold.runner}", at=at)
    _taken_up(id=entry.pk, status=entry.status, finished_at=at, result=entry.result)


@verb
def begin_wait(hold: Hold, step: Step, asked: JournalEntry, seconds: float) -> JournalEntry:
    """Start to wait for a question, but not beyond `seconds` from now; that time is journaled."""
    held(hold.run_id, hold.fence)
    at = now()
    until = at + timedelta(seconds=max(0.0, seconds))
    return _new(
        hold,
        step,
        Status.STARTED,
        request_kind=asked.request_kind,
        request_id=asked.request_id,
        result={"until": until.isoformat()},
        started_at=at,
    )


@verb
def end_wait(hold: Hold, entry: JournalEntry) -> tuple[bool, Any]:
    """Whether the wait is over, and the decided question; None when nobody decided in time.

    Then the entry is done, without a decision, and a replay goes the same way. A decision that is
    committed before that counts; one that comes later is not for this wait any more.
    """
    decided = take_decision(hold, entry)
    if decided is not None or now() < wakes_at(entry):
        return decided is not None, decided
    held(hold.run_id, hold.fence)
    # Whoever decides at this moment comes before the entry, or after its commit.
    model = patterns.get(entry.request_kind).model
    if rows_for_update(model).get(pk=entry.request_id).resolved_at is not None:
        return True, take_decision(hold, entry)
    entry.status, entry.finished_at = Status.DONE, now()
    entry.save(update_fields=["status", "finished_at"])
    return True, None


def wakes_at(entry: JournalEntry) -> datetime:
    """When a wait is over whoever has or has not decided."""
    return datetime.fromisoformat((entry.result or {})["until"])


def decision_in(decided: dict[str, HumanRequest], entry: JournalEntry) -> HumanRequest | None:
    """The decision that this entry's question is answered by, if the claim has brought it."""
    return decided.get(f"{entry.request_kind}:{_decided_by(entry)}")


def _decided_by(entry: JournalEntry) -> int | None:
    """The request that answers this question, once one does: the reviewer's edit of what was asked."""
    return (entry.result or {}).get("decided")


def given_up(entry: JournalEntry) -> set[int]:
    """Which waits for this question, from 1, the agent has itself stopped."""
    return set((entry.result or {}).get("given_up", ()))


@verb
def give_up(hold: Hold, entry: JournalEntry, number: int, key: str) -> None:
    """The agent itself stopped a wait, as `asyncio.wait_for` does; a replay stops the same one.

    `key` names the wait's own entry, if it has one.
    """
    run = held(hold.run_id, hold.fence)
    own = JournalEntry.objects.filter(run=run, generation=hold.generation, key=key)
    own.exclude(status=Status.DONE).update(status=Status.ABANDONED)
    entry.result = {**(entry.result or {}), "given_up": sorted({*given_up(entry), number})}
    if entry.status != Status.DONE:
        entry.status = Status.ABANDONED
    entry.save(update_fields=["status", "result"])


# ---- Actions --------------------------------------------------------------------------------


@verb
def start_action(
    hold: Hold, step: Step, entry: JournalEntry | None, request_id: int | None
) -> JournalEntry:
    """Commit the start, before the effect. What would run is checked against what was approved."""
    held(hold.run_id, hold.fence)
    request = None if request_id is None else _approved(request_id, step)
    if entry is None:
        entry = _new(
            hold,
            step,
            Status.STARTED,
            request_kind="" if request is None else APPROVAL,
            request_id=request_id,
        )
    else:
        entry.status, entry.fence, entry.runner = Status.STARTED, hold.fence, hold.runner
        entry.attempt, entry.started_at, entry.finished_at = entry.attempt + 1, now(), None
        entry.save(
            update_fields=["status", "fence", "runner", "attempt", "started_at", "finished_at"]
        )
    _record_action("actions.started", hold, entry, attempt=entry.attempt)
    return entry


def _approved(request_id: int, step: Step) -> ApprovalRequest:
    """The approval that lets this action run: approved, unchanged, and for exactly these bytes."""
    request = services.by_id(request_id)
    envelope.check(request)
    same = canonical.canonical(request.details) == step.input and request.action == step.name
    if request.status != ApprovalStatus.APPROVED or not same:
        raise ActionFailed(f"{request.subject} does not approve {step.name} with these arguments.")
    return request


@verb
def finish_action(hold: Hold, entry: JournalEntry, result: Any) -> None:
    """Commit the result, after the effect."""
    _end_action(hold, entry, Status.DONE, "actions.finished", result=result)


@verb
def fail_action(hold: Hold, entry: JournalEntry, error: str) -> None:
    """Commit that the action is known to have failed."""
    _end_action(hold, entry, Status.FAILED, "actions.failed", error=error)


def _end_action(hold: Hold, entry: JournalEntry, status: str, kind: str, **found: Any) -> None:
    held(hold.run_id, hold.fence)
    found = canonical.storable(found)
    entry.status, entry.finished_at = status, now()
    for name, value in found.items():
        setattr(entry, name, value)
    entry.save(update_fields=["status", "finished_at", *found])
    _record_action(kind, hold, entry, error=found.get("error", ""))


def _record_action(kind: str, hold: Hold, entry: JournalEntry, **data: Any) -> None:
    subject = asked_in(entry) or f"ledger.run:{hold.run_id}"
    actor = f"runner:{hold.runner}"
    record(kind, subject, actor=actor, run_id=hold.run_id, action=entry.name, key=entry.key, **data)


@verb
def late_evidence(hold: Hold, entry: JournalEntry, evidence: str) -> None:
    """What a runner found out after it had lost the run: evidence for whoever has to say."""
    rows = JournalEntry.objects.filter(pk=entry.pk, status=Status.STARTED)
    rows.update(evidence=f"{hold.runner} under fence {hold.fence}: {evidence}")


def finish_or_leave_evidence(hold: Hold, entry: JournalEntry, result: Any) -> None:
    """finish_action(); when the run was lost meanwhile, the result becomes evidence instead."""
    try:
        finish_action(hold, entry, result)
    except LostLease:
        late_evidence(hold, entry, f"it ran and returned {result!r}")
        raise
