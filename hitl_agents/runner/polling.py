"""Polling: what a runner asks the database without a hint, such as what goes on or is free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Q

from ledger import leases
from ledger.clock import DbNow, now
from ledger.models import Run
from ledger.requests import deadlines, delivery
from ledger.statements.prepared import Number, Values

LIBRARY_LOOKS = 4  # looks between looks for programs that are gone
CLAIMABLE = 250  # rows looked at: more than a runner drives, whose own may be among them
SOON = 120.0  # seconds: a backoff, or the end of a wait, that `until_idle` waits for


class Found(NamedTuple):
    """What a look found."""

    runs: list[int]  # waiting runs that may go on
    next: float | None = None  # seconds until the time of another one is up, if that is soon


class Looks:
    """The looks of one runner, one after the other."""

    def __init__(self) -> None:
        self._number = 0

    def look(self, within: float) -> Found:
        """What no hint brought: deadlines, lost hints, programs that are gone.

        `within` so many seconds the next look comes.
        """
        deadlines.expire_due()
        self._number += 1
        if self._number % LIBRARY_LOOKS == 1:
            leases.sweep_library()
        decided = delivery.find_decided_runs()
        due = _due(within)
        return Found([*decided, *due.runs], due.next)


def _due(within: float) -> Found:
    """Runs whose time is up; what is due before the next look is looked at when it is."""
    waking = leases.due_to_wake(within=within)
    if not waking:
        return Found([])
    at = now()
    # The first of them, in order; the look at that time finds the next.
    soon = next(((when - at).total_seconds() for when in waking.values() if when > at), None)
    return Found([run_id for run_id, when in waking.items() if when <= at], soon)


def has_claimable(driven: list[int]) -> bool:
    """One cheap read, so that an idle runner takes no write lock."""
    return any(status == Run.Status.QUEUED or pk not in driven for pk, status in _claimable())


def _rows_claimable() -> Any:
    due = Q(not_before=None) | Q(not_before__lte=DbNow())
    lost = Q(status=Run.Status.RUNNING, library=False, lease_until__lt=DbNow())
    found = Run.objects.filter(Q(due, status=Run.Status.QUEUED) | lost)
    return found.values_list("pk", "status")[:CLAIMABLE]


_claimable = Values(_rows_claimable)


def runnable_soon() -> bool:
    """Also what another runner drives: it may be gone, and then its lease lapses soon."""
    return _runnable_soon() > 0


def _rows_runnable_soon() -> Any:
    soon = DbNow() + timedelta(seconds=SOON)
    due = Q(not_before=None) | Q(not_before__lte=soon)
    driven = Q(status=Run.Status.RUNNING, library=False)
    waking = Q(status=Run.Status.WAITING, wake_at__lte=soon)
    found = Run.objects.filter(Q(due, status=Run.Status.QUEUED) | driven | waking)
    return found.values_list("pk")[:1]


_runnable_soon = Number(_rows_runnable_soon)
