"""The journal's rows of actions: each function is one transaction that holds the run's fence.

A start is committed before its effect and a result after it; whoever is killed between the two
leaves a start without a result, and that is how the next one knows.
"""

from __future__ import annotations

from typing import Any

from approvals import envelope, services
from approvals.actions import ActionFailed
from approvals.models import ApprovalRequest, ApprovalStatus
from hitl_agents.journal.entries import Hold, Status, Step, find_subject, new_entry
from ledger import canonical
from ledger.clock import now
from ledger.errors import LostLease
from ledger.leases import lock_driven
from ledger.models import JournalEntry
from ledger.transitions import record, verb

APPROVAL = ApprovalRequest._meta.label_lower


@verb
def start_action(
    hold: Hold, step: Step, entry: JournalEntry | None, request_id: int | None
) -> JournalEntry:
    """Commit the start, before the effect. What would run is checked against what was approved."""
    lock_driven(hold.run_id, hold.fence)
    request = None if request_id is None else _check_approved(request_id, step)
    if entry is None:
        entry = new_entry(
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


def _check_approved(request_id: int, step: Step) -> ApprovalRequest:
    """The approval that lets this action run: approved, unchanged, and for exactly these bytes."""
    request = services.find_by_id(request_id)
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
    lock_driven(hold.run_id, hold.fence)
    found = {**canonical.storable(found), "status": status, "finished_at": now()}
    # Only a start ends. It has ended already if the connection broke as this was committed before.
    if JournalEntry.objects.filter(pk=entry.pk, status=Status.STARTED).update(**found):
        _record_action(kind, hold, entry, error=found.get("error", ""))
    for name, value in found.items():
        setattr(entry, name, value)


def _record_action(kind: str, hold: Hold, entry: JournalEntry, **data: Any) -> None:
    subject = find_subject(entry) or f"ledger.run:{hold.run_id}"
    actor = f"runner:{hold.runner}"
    record(kind, subject, actor=actor, run_id=hold.run_id, action=entry.name, key=entry.key, **data)


@verb
def add_late_evidence(hold: Hold, entry: JournalEntry, evidence: str) -> None:
    """What a runner found out after it had lost the run: evidence for whoever has to say."""
    rows = JournalEntry.objects.filter(pk=entry.pk, status=Status.STARTED)
    rows.update(evidence=f"{hold.runner} under fence {hold.fence}: {evidence}")


def describe_result(result: Any) -> str:
    """An action's end in words, for whoever has to say what happened."""
    return f"it ran and returned {result!r}"


def describe_failure(error: str) -> str:
    """As describe_result(), of an action that is known to have failed."""
    return f"it failed: {error}"


def finish_or_leave_evidence(hold: Hold, entry: JournalEntry, result: Any) -> None:
    """finish_action(); when the run was lost meanwhile, the result becomes evidence instead."""
    try:
        finish_action(hold, entry, result)
    except LostLease:
        add_late_evidence(hold, entry, describe_result(result))
        raise


def fail_or_leave_evidence(hold: Hold, entry: JournalEntry, error: str) -> None:
    """fail_action(); when the run was lost meanwhile, the failure becomes evidence instead."""
    try:
        fail_action(hold, entry, error)
    except LostLease:
        add_late_evidence(hold, entry, describe_failure(error))
        raise
