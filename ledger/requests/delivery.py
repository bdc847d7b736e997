"""Delivery of decisions to the runs that asked: which of them wait, and that one was taken up."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from ledger import patterns
from ledger.clock import now
from ledger.models import JournalEntry, Run
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Change, Number, Values, slot, union
from ledger.transitions import record, unit


def deliver(request: Any, *, actor: str, at: datetime | None = None) -> None:
    """Note that the run which asked took up the decision, `at` or now. Once; again does nothing."""
    with unit():
        at = at or now()
        if _prepare_delivery(request._meta.label_lower)(id=request.pk, delivered_at=at):
            request.delivered_at = at
            kind = f"{request._meta.app_label}.delivered"
            record(kind, request.subject, actor=actor, run_id=request.run_id)


@cache
def _prepare_delivery(label: str) -> Change[HumanRequest]:
    model = patterns.get(label).model
    return Change(
        lambda: model.objects.filter(pk=slot(model, "id"), delivered_at=None),
        {"delivered_at": slot(model, "delivered_at")},
    )


def forget(run: Run) -> None:
    """The run is over, or starts from the top: nothing that it waited for wakes it any more."""
    waiting = JournalEntry.objects.filter(run=run, status=JournalEntry.Status.WAITING)
    waiting.update(status=JournalEntry.Status.ABANDONED)
    for pattern in patterns.list_patterns():
        pattern.model.objects.filter(run=run, resolved_at__isnull=False, delivered_at=None).update(
            delivered_at=now()
        )


def find_decided_runs() -> list[int]:
    """Waiting runs of which an awaited question is decided: the look that no lost hint escapes."""
    return sorted({run_id for (run_id,) in _select_decided_runs(_tables())()})


def _tables() -> tuple[type[HumanRequest], ...]:
    return tuple(pattern.model for pattern in patterns.list_patterns())


@cache
def _select_decided_runs(models: tuple[type[HumanRequest], ...]) -> Values:
    def select_decided(model: type[HumanRequest]) -> Any:
        return JournalEntry.objects.filter(
            status=JournalEntry.Status.WAITING,
            run__status=Run.Status.WAITING,
            request_kind=model._meta.label_lower,
            request_id__in=model.objects.undelivered().values("pk"),
        ).values_list("run_id")

    return Values(lambda: union(map(select_decided, models), all=True))


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
