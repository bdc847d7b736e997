"""The end of what a run still asks, when the run is over."""

from __future__ import annotations

from typing import Any

from ledger import patterns
from ledger.clock import now
from ledger.errors import Stale
from ledger.models import Run
from ledger.transitions import move


def cancel_open(run: Run, *, actor: str, reason: str, ended: bool = False) -> int:
    """Cancel what the run still asks; returns how many. A decision that was first stands.

    `ended`: the run came to its own end; what outlives that (see patterns) stays open.
    """
    cancelled = 0
    for pattern in patterns.list_patterns():
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
