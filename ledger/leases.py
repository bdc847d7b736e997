"""Leases of runs: a runner claims, renews, suspends, ends. Each claim raises the fence by one.

Everything a runner writes says which fence it holds; after another runner's claim, or a cancel,
it raises LostLease and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import DurationField, Q

from ledger import canonical
from ledger.clock import DbNow, compute_end, now
from ledger.errors import LostLease
from ledger.models import JournalEntry, Run, Runner
from ledger.requests import cancelling, delivery
from ledger.statements.prepared import Change, Number, Rows, Slot, Values, slot
from ledger.transitions import move, record, rows_for_update, verb

DECIDED, TIME_IS_UP = "decided", "time is up"  # why a waiting run goes on
AT_ONCE = 200  # runs found at one look whose time is up
GONE = "The program that drove this run is gone."


def lock_driven(run_id: int, fence: int) -> Run:
    """The run, locked, if this fence still drives it; otherwise LostLease. Inside a unit."""
    found = _held(id=run_id, fence=fence)
    if not found:
        raise LostLease(f"Run {run_id} is not driven under fence {fence} any more.")
    return found[0]


_held = Rows(
    lambda: rows_for_update(Run).filter(
        pk=slot(Run, "id"), fence=slot(Run, "fence"), status=Run.Status.RUNNING
    )
)


@verb
def claim_next(runner: str, lease: float, driven: Collection[int] = ()) -> Run | None:
    """Claim one run that is queued and due, or whose runner is gone; None when there is none.

    Those that are `driven` by the caller it has already, whatever their lease says.
    """
    due = Q(not_before=None) | Q(not_before__lte=DbNow())
    run = _free(Run.objects.filter(due, status=Run.Status.QUEUED)).first()
    if run is None:
        lost = Q(status=Run.Status.RUNNING, library=False, lease_until__lt=DbNow())
        run = _free(Run.objects.filter(lost).exclude(pk__in=driven)).first()
        if run is None:
            return None
        _requeue(run, runner, f"{run.runner} gave no sign")
    return _take(run, runner, lease)


def take_locked(run: Run, runner: str, lease: float) -> Run:
    """Claim what locked_waiting() found: the fence is one more than it was. Part of a unit."""
    _requeue(run, runner, _explain_requeue(run))
    return _take(run, runner, lease)


def _explain_requeue(run: Run) -> str:
    """An answer comes before the time. Who waits without an end is asked for nothing."""
    return TIME_IS_UP if time_is_up(run) and not delivery.has_decided(run.pk) else DECIDED


def time_is_up(run: Run) -> bool:
    """Whether a waiting run goes on although nobody has answered."""
    return run.wake_at is not None and run.wake_at <= now()


def _free(rows: Any) -> Any:
    """These rows, the oldest first, without those that a runner is claiming at this moment."""
    return rows.order_by("id").select_for_update(skip_locked=True, of=("self",), no_key=True)


def _stands(**more: Any) -> Any:
    return Run.objects.filter(pk=slot(Run, "id"), status=slot(Run, "status", "was"), **more)


# A run that waits, locked until the commit: nobody else claims it then.
locked_waiting = Rows(
    lambda: _free(Run.objects.filter(pk=slot(Run, "id"), status=Run.Status.WAITING))
)
_requeued = Change(_stands, {"status": slot(Run, "status")})
_taken = Change(
    lambda: _stands(fence=slot(Run, "fence") - 1),
    {
        **{name: slot(Run, name) for name in ("status", "runner", "fence")},
        "started_at": slot(Run, "started_at"),
        "not_before": None,
        "wake_at": None,
        "lease_until": DbNow() + Slot("lease", DurationField()),
    },
)


def _requeue(run: Run, runner: str, reason: str) -> None:
    kind, actor = "runs.requeued", f"runner:{runner}"
    move(run, Run.Status.QUEUED, kind=kind, actor=actor, update=_requeued, reason=reason)


def _take(run: Run, runner: str, lease: float) -> Run:
    fence, first = run.fence + 1, run.started_at is None
    move(
        run,
        Run.Status.RUNNING,
        kind="runs.started" if first else "runs.resumed",
        actor=f"runner:{runner}",
        changes={
            "runner": runner,
            "fence": fence,
            "not_before": None,
            "wake_at": None,
            "started_at": now() if first else run.started_at,
        },
        update=partial(_taken, lease=timedelta(seconds=lease)),
        fence=fence,
    )
    return run


def renew(runner: str, run_ids: Iterable[int], lease: float) -> None:
    """Extend the leases of these runs and give the runner's sign of life. Writes no event."""
    ids = list(run_ids)
    if ids:
        rows = Run.objects.filter(pk__in=ids, runner=runner, status=Run.Status.RUNNING)
        rows.update(lease_until=DbNow() + timedelta(seconds=lease))
    Runner.objects.filter(pk=runner).update(seen_at=DbNow())


@verb
def suspend(
    run_id: int, fence: int, waiting_for: Iterable[int], *, wake_at: datetime | None = None
) -> None:
    """The agent waits for people: these journal entries' questions. Costs the row from here on.

    At `wake_at` it goes on all the same, without an answer to at least one of them.
    """
    run = lock_driven(run_id, fence)
    waiting, ids = JournalEntry.Status.WAITING, list(waiting_for)
    # What it waited for before and does not any more, decided or not, must not wake it again.
    JournalEntry.objects.filter(run=run, status=waiting).exclude(pk__in=ids).update(
        status=JournalEntry.Status.ABANDONED
    )
    JournalEntry.objects.filter(pk__in=ids, run=run).update(status=waiting)
    move(
        run,
        Run.Status.WAITING,
        kind="runs.waiting",
        actor=f"runner:{run.runner}",
        changes={"lease_until": None, "attempts": 0, "wake_at": wake_at},
        wake_at=None if wake_at is None else wake_at.isoformat(),
    )


def due_to_wake(within: float = 0.0) -> dict[int, datetime]:
    """Waiting runs that go on although nobody has answered, the first first: when each does.

    `within` so many seconds from now: who looks once in a while has to look at just that time.
    """
    return dict(_due_to_wake(within=timedelta(seconds=within)))


_due_to_wake = Values(
    lambda: (
        Run.objects.filter(
            status=Run.Status.WAITING, wake_at__lte=DbNow() + Slot("within", DurationField())
        )
        .order_by("wake_at")
        .values_list("pk", "wake_at")[:AT_ONCE]
    )
)


@verb
def requeue(run_id: int, fence: int, *, delay: float, reason: str, failed_try: bool) -> None:
    """Give the run back to be claimed again after `delay` seconds."""
    run = lock_driven(run_id, fence)
    move(
        run,
        Run.Status.QUEUED,
        kind="runs.requeued",
        actor=f"runner:{run.runner}",
        changes={
            "lease_until": None,
            "not_before": compute_end(delay) if delay else None,
            "attempts": run.attempts + int(failed_try),
        },
        reason=reason,
        delay=delay,
    )


def model_answered(run: Run) -> None:
    """The model was reached: only failed tries in a row count. Part of a unit, the run held."""
    if run.attempts:
        Run.objects.filter(pk=run.pk).update(attempts=0)


@verb
def complete(run_id: int, fence: int, result: Any) -> None:
    """The agent came to its end; `result` is what it returned (JSON)."""
    _end(lock_driven(run_id, fence), Run.Status.COMPLETED, "runs.completed", {"result": result})


@verb
def fail(run_id: int, fence: int, error: str) -> None:
    """The agent cannot go on; `error` is a sentence for people."""
    error = canonical.storable(error)
    _end(
        lock_driven(run_id, fence), Run.Status.FAILED, "runs.failed", {"error": error}, error=error
    )


@verb
def doubt(run_id: int, fence: int, about: dict[str, Any]) -> None:
    """Nobody knows what happened: a person has to say. `about` is the evidence."""
    run = lock_driven(run_id, fence)
    _doubt(run, about, actor=f"runner:{run.runner}")


def _doubt(run: Run, about: dict[str, Any], *, actor: str) -> None:
    about = canonical.storable(about)
    move(
        run,
        Run.Status.IN_DOUBT,
        kind="runs.in_doubt",
        actor=actor,
        changes={"doubt": about, "lease_until": None},
        about=about,
    )


def _end(run: Run, status: str, kind: str, changes: dict[str, Any], **data: Any) -> None:
    actor = f"runner:{run.runner}"
    changes |= {"finished_at": now(), "lease_until": None}
    move(run, status, kind=kind, actor=actor, changes=changes, **data)
    cancelling.cancel_open(run, actor=actor, reason="The run has ended.", ended=True)
    delivery.forget(run)


@verb
def start_library(agent_id: str, runner: str, lease: float) -> Run:
    """A run that another program drives: journaled, never replayed."""
    run = Run.objects.create(
        agent="library",
        agent_id=agent_id,
        library=True,
        status=Run.Status.RUNNING,
        runner=runner,
        fence=1,
        started_at=now(),
        lease_until=compute_end(lease),
    )
    record("runs.started", run.subject, actor=f"agent:{agent_id}", run_id=run.pk, library=True)
    return run


def sweep_library() -> int:
    """Library runs whose program is gone: in doubt if an action was open, failed otherwise."""
    return _sweep_library() if _any_gone() else 0  # an idle look takes no write lock


def _select_gone() -> Any:
    return Run.objects.filter(status=Run.Status.RUNNING, library=True, lease_until__lt=DbNow())


_any_gone = Number(lambda: _select_gone().values_list("pk")[:1])


@verb
def _sweep_library() -> int:
    swept = list(_free(_select_gone()))
    for run in swept:
        entry = run.journal.filter(
            kind=JournalEntry.Kind.ACTION, status=JournalEntry.Status.STARTED
        ).first()
        if entry is None:
            _end(run, Run.Status.FAILED, "runs.failed", {"error": GONE}, error=GONE)
        else:
            _doubt(run, {"kind": "action", "entry": entry.pk, "name": entry.name}, actor="system")
    return len(swept)
