"""The journal's rows: each function is one transaction that holds the run's fence.

Here: steps without an effect, and questions. Actions are in hitl_agents.journal.action_entries, claims in
hitl_agents.journal.activation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from ledger import canonical, leases, patterns
from ledger.clock import now, read_local_clock
from ledger.leases import lock_driven
from ledger.models import JournalEntry, Run
from ledger.requests import delivery
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Change, slot
from ledger.transitions import rows_for_update, verb

Kind = JournalEntry.Kind
Status = JournalEntry.Status


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


def find_subject(entry: JournalEntry) -> str:
    """The subject of the question that an entry is about; "" when it is about none."""
    return f"{entry.request_kind}:{entry.request_id}" if entry.request_id else ""


def new_entry(hold: Hold, step: Step, status: str, **fields: Any) -> JournalEntry:
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
    run = lock_driven(hold.run_id, hold.fence)
    if step.kind == Kind.MODEL:
        leases.model_answered(run)
    result = canonical.normalize(result)
    return new_entry(
        hold, step, Status.DONE, result=result, started_at=started_at, finished_at=now()
    )


@verb
def note_written(
    hold: Hold, step: Step, write: Callable[[Run, str], Any], started_at: Any
) -> JournalEntry:
    """Journal a step that writes to this database, in one transaction with what `write` does.

    Whoever is killed leaves both or neither; `write(run, key)` returns JSON: a replay gets that.
    """
    run = lock_driven(hold.run_id, hold.fence)
    result = write(run, f"{hold.generation}:{step.key}")
    return new_entry(
        hold, step, Status.DONE, result=result, started_at=started_at, finished_at=now()
    )


@verb
def note_failed(hold: Hold, step: Step, error: str, started_at: Any) -> JournalEntry:
    """Journal a step that ended with an error which a replay must meet again."""
    lock_driven(hold.run_id, hold.fence)
    return new_entry(
        hold, step, Status.FAILED, error=error, started_at=started_at, finished_at=now()
    )


def make_left_key(key: str) -> str:
    """The key of the entry that says that the agent stopped waiting for the step of that key."""
    return f"left/{key}"  # no step's own: those begin with their kind


@verb
def note_left(hold: Hold, step: Step) -> None:
    """The agent itself stopped waiting for this step, as `asyncio.wait_for` does; a replay, too."""
    lock_driven(hold.run_id, hold.fence)
    name, about = f"stopped waiting for {step.name}"[:200], canonical.canonical({"step": step.key})
    left = Step(Kind.READ, name, make_left_key(step.key), about)
    new_entry(hold, left, Status.DONE, finished_at=now())


@verb
def add_note(hold: Hold, entry: JournalEntry, note: str) -> None:
    """Put a remark on an entry, for the run's page."""
    lock_driven(hold.run_id, hold.fence)
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
    run = lock_driven(hold.run_id, hold.fence)
    request = question.store(run, f"{hold.generation}:{step.key}")
    entry = new_entry(
        hold,
        step,
        Status.STARTED,
        request_kind=request._meta.label_lower,
        request_id=request.pk,
        result={},
    )
    return entry, request


def read_question(hold: Hold, entry: JournalEntry) -> Any:
    """The row of a question that was asked before."""
    return patterns.get(entry.request_kind).find_by_id(entry.request_id)


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
    request = pattern.find_by_id(entry.request_id)
    if request.resolved_at is None:
        return None
    if entry.status == Status.DONE:
        return pattern.effective(request)
    lock_driven(hold.run_id, hold.fence)
    return _take_up(hold, entry, request)


def _take_up(hold: Hold, entry: JournalEntry, request: HumanRequest) -> HumanRequest:
    """Note a decision as delivered and the question as answered. Inside a unit, the run held."""
    decided = answer(entry, request, read_local_clock())
    note_answer(hold, entry, [request, decided])
    return decided


def answer(entry: JournalEntry, request: HumanRequest, at: datetime) -> HumanRequest:
    """What answers the question of this entry, which is done with it; in memory only."""
    decided: HumanRequest = patterns.get(entry.request_kind).effective(request)
    entry.status, entry.finished_at = Status.DONE, at
    entry.result = {**(entry.result or {}), "decided": decided.pk}
    return decided


def note_answer(hold: Hold, entry: JournalEntry, decided: list[HumanRequest]) -> None:
    """Write down what answer() found: decisions that are delivered, and the entry."""
    at = entry.finished_at
    for request in {one.pk: one for one in decided}.values():
        delivery.deliver(request, actor=f"runner:{hold.runner}", at=at)
    _taken_up(id=entry.pk, status=entry.status, finished_at=at, result=entry.result)


_taken_up = Change(
    lambda: JournalEntry.objects.filter(pk=slot(JournalEntry, "id")),
    {name: slot(JournalEntry, name) for name in ("status", "finished_at", "result")},
)


@verb
def begin_wait(hold: Hold, step: Step, asked: JournalEntry, seconds: float) -> JournalEntry:
    """Start to wait for a question, but not beyond `seconds` from now; that time is journaled."""
    lock_driven(hold.run_id, hold.fence)
    at = now()
    until = at + timedelta(seconds=max(0.0, seconds))
    return new_entry(
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
    lock_driven(hold.run_id, hold.fence)
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
    return decided.get(f"{entry.request_kind}:{_get_decider(entry)}")


def _get_decider(entry: JournalEntry) -> int | None:
    """The request that answers this question, once one does: the reviewer's edit of what was asked."""
    return (entry.result or {}).get("decided")


def read_given_up(entry: JournalEntry) -> set[int]:
    """Which waits for this question, from 1, the agent has itself stopped."""
    return set((entry.result or {}).get("given_up", ()))


@verb
def give_up(hold: Hold, entry: JournalEntry, number: int, key: str) -> None:
    """The agent itself stopped a wait, as `asyncio.wait_for` does; a replay stops the same one.

    `key` names the wait's own entry, if it has one.
    """
    run = lock_driven(hold.run_id, hold.fence)
    own = JournalEntry.objects.filter(run=run, generation=hold.generation, key=key)
    own.exclude(status=Status.DONE).update(status=Status.ABANDONED)
    entry.result = {**(entry.result or {}), "given_up": sorted({*read_given_up(entry), number})}
    if entry.status != Status.DONE:
        entry.status = Status.ABANDONED
    entry.save(update_fields=["status", "result"])
