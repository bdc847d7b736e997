"""What is the same for every kind of question: find them, deliver them, cancel them with a run."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Value

from ledger import patterns
from ledger.clock import now
from ledger.errors import Stale
from ledger.models import JournalEntry, Run
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Change, Number, Values, slot, union
from ledger.transitions import move, record, unit

log = logging.getLogger(__name__)

AT_ONCE = 200  # deadlines noticed at one look


def kinds() -> list[type[HumanRequest]]:
    """The question tables of all installed patterns."""
    return [pattern.model for pattern in patterns.all_patterns()]


def expire_due() -> int:
    """End questions whose deadline has passed, of every kind; how many, AT_ONCE at most."""
    expire = {each.label: each.expire for each in patterns.all_patterns() if each.expire}
    overdue = _overdue(tuple(expire))()
    for label, pk, _ in overdue:
        try:
            expire[label](pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a bug must not keep all others from their ends, each time again
            log.exception("The deadline of %s:%s could not be noticed.", label, pk)
    return len(overdue)


# Who looks at each tick asks one query for all tables, not one for each, and writes it once.


@cache
def _overdue(labels: tuple[str, ...]) -> Values:
    def overdue(label: str) -> Any:
        model = patterns.get(label).model
        return model.objects.overdue().values_list(Value(label), "pk", "deadline")

    return Values(lambda: union(map(overdue, labels), all=True).order_by("deadline")[:AT_ONCE])


def cancel_open(run: Run, *, actor: str, reason: str, ended: bool = False) -> int:
    """Cancel what the run still asks; returns how many. A decision that was first stands.

    `ended`: the run came to its own end; what outlives that (see patterns) stays open.
    """
    cancelled = 0
    for pattern in patterns.all_patterns():
        if ended and pattern.outlives_its_run:
            continue
        open_ones = pattern.model.objects.filter(run=run, status="pending")
        for request in open_ones.defer(*pattern.heavy).order_by("pk"):
            cancelled += _cancel(request, actor=actor, reason=reason)
    return cancelled


def _cancel(request: Any, *, actor: str, reason: str) -> bool:
    changes = {"resolved_at": now(), "feedback": reason, **request.CANCEL_CHANGES}
    kind = f"{request._meta.app_label}.cancelled"
    try:
        move(request, request.CANCELLED, kind=kind, actor=actor, changes=changes, reason=reason)
    except Stale:
        return False
    return True


def deliver(request: Any, *, actor: str, at: datetime | None = None) -> None:
    """Note that the run which asked took up the decision, `at` or now. Once; again does nothing."""
    with unit():
        at = at or now()
        if _delivered(request._meta.label_lower)(id=request.pk, delivered_at=at):
            request.delivered_at = at
            kind = f"{request._meta.app_label}.delivered"
            record(kind, request.subject, actor=actor, run_id=request.run_id)


@cache
def _delivered(label: str) -> Change[HumanRequest]:
    model = patterns.get(label).model
    return Change(
        lambda: model.objects.filter(pk=slot(model, "id"), delivered_at=None),
        {"delivered_at": slot(model, "delivered_at")},
    )


def forget(run: Run) -> None:
    """The run is over, or starts from the top: nothing that it waited for wakes it any more."""
    waiting = JournalEntry.objects.filter(run=run, status=JournalEntry.Status.WAITING)
    waiting.update(status=JournalEntry.Status.ABANDONED)
    for model in kinds():
        model.objects.filter(run=run, resolved_at__isnull=False, delivered_at=None).update(
            delivered_at=now()
        )


def decided_runs() -> list[int]:
    """Waiting runs of which an awaited question is decided: the look that no lost hint escapes."""
    return sorted({run_id for (run_id,) in _decided_runs(tuple(kinds()))()})


@cache
def _decided_runs(models: tuple[type[HumanRequest], ...]) -> Values:
    def decided(model: type[HumanRequest]) -> Any:
        return JournalEntry.objects.filter(
            status=JournalEntry.Status.WAITING,
            run__status=Run.Status.WAITING,
            request_kind=model._meta.label_lower,
            request_id__in=model.objects.undelivered().values("pk"),
        ).values_list("run_id")

    return Values(lambda: union(map(decided, models), all=True))


def has_decided(run_id: int) -> bool:
    """Whether a question that this waiting run waits for is decided already."""
    return any(_is_decided(label)(id=pk) for label, pk in _awaited(run=run_id))


_awaited = Values(
    lambda: JournalEntry.objects.filter(
        run=slot(JournalEntry, "run"), status=JournalEntry.Status.WAITING
    ).values_list("request_kind", "request_id")
)


@cache
def _is_decided(label: str) -> Number:
    model = patterns.get(label).model
    return Number(
        lambda: model.objects.filter(pk=slot(model, "id"), resolved_at__isnull=False).values_list(
            "pk"
        )
    )
