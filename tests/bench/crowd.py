"""Many waiting runs at once: copies, in every table, of one that the runner has brought to wait."""

from __future__ import annotations

from typing import Any

from django.db import models

from approvals.models import ApprovalRequest
from ledger.models import Event, JournalEntry, Run
from ledger.transitions import record, unit

BATCH = 500


def fill(count: int, like: int) -> int:
    """Make `count` runs that wait as the run of request `like` does; how many wait now."""
    request = ApprovalRequest.objects.get(pk=like)
    for start in range(0, count, BATCH):
        _copy(request, min(BATCH, count - start))
    return Run.objects.filter(status=Run.Status.WAITING).count()


def _copy(request: ApprovalRequest, count: int) -> None:
    assert request.run_id is not None
    entry = JournalEntry.objects.get(request_id=request.pk)
    with unit():
        runs = _copies(Run.objects.get(pk=request.run_id), [{} for _ in range(count)])
        requests = _copies(request, [{"run_id": run.pk} for run in runs])
        owners = [
            {"run_id": run.pk, "request_id": asked.pk}
            for run, asked in zip(runs, requests, strict=True)
        ]
        _copies(entry, owners)
        for event in Event.objects.filter(run=request.run_id).order_by("id"):
            for run, asked in zip(runs, requests, strict=True):
                about = asked if event.subject == request.subject else run
                kind, data = event.kind, event.payload
                record(kind, about.subject, actor=event.actor, run_id=run.pk, **data)


def _copies(row: models.Model, changes: list[dict[str, Any]]) -> list[Any]:
    fields = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    same = {name: getattr(row, name) for name in fields}
    model = type(row)
    return model._default_manager.bulk_create([model(**same | change) for change in changes])
