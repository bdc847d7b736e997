"""The journal's rows: each function is one transaction that holds the run's fence.

A start is committed before its effect and a result after it; whoever is killed between the two
leaves a start without a result, and that is how the next one knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from approvals import envelope, gate, outcome, services
from approvals.actions import ActionFailed
from approvals.models import ApprovalRequest, ApprovalStatus
from ledger import canonical, leases, requests
from ledger.clock import now, shown_now
from ledger.errors import LostLease
from ledger.leases import held
from ledger.models import JournalEntry, Run
from ledger.prepared import Change, Rows, slot
from ledger.transitions import record, verb

Kind = JournalEntry.Kind
Status = JournalEntry.Status
QUESTION = ApprovalRequest._meta.label_lower


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
    journal: list[JournalEntry]
    decided: dict[int, ApprovalRequest]  # decided requests, which never change, by their id

    @property
    def hold(self) -> Hold:
        return Hold(self.run.pk, self.run.fence, self.run.generation, self.run.runner)


@verb
def claim_next(runner: str, lease: float) -> Activation | None:
    """Claim a run that is queued and due, or whose runner is gone; None when there is none."""
    run = leases.claim_next(runner, lease)
    return None if run is None else _activation(run)


@verb
def claim_waiting(run_id: int, runner: str, lease: float) -> Activation | None:
    """Claim a waiting run and take up what is decided, in one transaction; None if it waits not.

    One commit lies between the decision and the agent's next line.
    """
    run = leases.take_waiting(run_id, runner, lease)
    if run is None:
        return None
    found = _activation(run)
    for entry in found.journal:
        request = found.decided.get(entry.request_id or 0)
        if entry.status == Status.WAITING and request is not None:
            effective = _take_up(found.hold, entry, request)
            found.decided[effective.pk] = effective
    return found


def _activation(run: Run) -> Activation:
    decided = {request.pk: request for request in _decided(run=run.pk)}
    for request in decided.values():
        request.run = run
    return Activation(run, _journal(run=run.pk, generation=run.generation), decided)


_journal = Rows(
    lambda: JournalEntry.objects.filter(
        run=slot(JournalEntry, "run"), generation=slot(JournalEntry, "generation")
    ).order_by("pk")
)
_decided = Rows(
    lambda: ApprovalRequest.objects.select_related("reviewer", "gate").filter(
        run=slot(ApprovalRequest, "run"), resolved_at__isnull=False
    )
)
_taken_up = Change(
    lambda: JournalEntry.objects.filter(pk=slot(JournalEntry, "id")),
    {name: slot(JournalEntry, name) for name in ("status", "finished_at", "result")},
)


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
    held(hold.run_id, hold.fence)
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


@dataclass(frozen=True)
class Question:
    """What is asked at a gate."""

    gate: str
    threshold: str
    agent_id: str
    action: str
    details: Any
    risk_level: Any
    story: str = ""
    previous: int | None = None


@verb
def ask(hold: Hold, step: Step, question: Question) -> tuple[JournalEntry, ApprovalRequest]:
    """Store the request and its journal row together, so that a replay never asks twice."""
    run = held(hold.run_id, hold.fence)
    previous = None if question.previous is None else services.by_id(question.previous)
    request = services.ask(
        gate=gate.gate_named(question.gate, question.threshold),
        agent_id=question.agent_id,
        action=question.action,
        details=question.details,
        risk_level=question.risk_level,
        run=run,
        key=f"{hold.generation}:{step.key}",
        previous=previous,
        story=question.story,
    )
    entry = _new(
        hold,
        step,
        Status.STARTED,
        request_kind=QUESTION,
        request_id=request.pk,
        result={"abandoned": 0},
    )
    return entry, request


def asked(hold: Hold, entry: JournalEntry) -> ApprovalRequest:
    """The request of a question that was asked before."""
    return services.by_id(entry.request_id)


def shorten(hold: Hold, entry: JournalEntry, seconds: float) -> None:
    """Bring the deadline of a question forward, once."""
    services.shorten(entry.request_id, seconds)


@verb
def take_decision(hold: Hold, entry: JournalEntry) -> ApprovalRequest | None:
    """The decided request, noted as delivered to the run; None while nobody has decided."""
    request = services.by_id(entry.request_id)
    if request.status == ApprovalStatus.PENDING:
        return None
    if entry.status == Status.DONE:
        return outcome.effective(request)
    held(hold.run_id, hold.fence)
    return _take_up(hold, entry, request)


def _take_up(hold: Hold, entry: JournalEntry, request: ApprovalRequest) -> ApprovalRequest:
    """Note a decision as delivered and the question as answered. Inside a unit, the run held."""
    decided, at = outcome.effective(request), shown_now()  # it decides nothing
    requests.deliver(request, actor=f"runner:{hold.runner}", at=at)
    if decided.pk != request.pk:
        requests.deliver(decided, actor=f"runner:{hold.runner}", at=at)
    entry.status, entry.finished_at = Status.DONE, at
    entry.result = {**(entry.result or {}), "decided": decided.pk}
    _taken_up(id=entry.pk, status=entry.status, finished_at=at, result=entry.result)
    return decided


def decision_in(decided: dict[int, ApprovalRequest], entry: JournalEntry) -> ApprovalRequest | None:
    """The decision that this entry's question is answered by, if the claim has brought it."""
    return decided.get(_decided_by(entry) or 0)


def _decided_by(entry: JournalEntry) -> int | None:
    """The request that answers this question, once one does: the reviewer's edit of what was asked."""
    return (entry.result or {}).get("decided")


def abandoned(entry: JournalEntry) -> int:
    """How often the agent has itself stopped waiting for this question."""
    return int((entry.result or {}).get("abandoned", 0))


@verb
def abandon_wait(hold: Hold, entry: JournalEntry) -> None:
    """The agent itself gave up waiting, as `asyncio.wait_for` does; a replay gives up too."""
    held(hold.run_id, hold.fence)
    entry.result = {**(entry.result or {}), "abandoned": abandoned(entry) + 1}
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
            request_kind="" if request is None else QUESTION,
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
    subject = f"{QUESTION}:{entry.request_id}" if entry.request_id else f"ledger.run:{hold.run_id}"
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
