"""Explanations of decisions that did not count, and what counts instead."""

from __future__ import annotations

from approvals.lookup import find_by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.errors import Refused, Stale
from ledger.requests import refusals
from ledger.statements.prepared import Rows, slot

# The one revision that followed a request, if any.
_after = Rows(
    lambda: ApprovalRequest.objects.select_related("run", "reviewer", "gate").filter(
        previous=slot(ApprovalRequest, "previous")
    )
)
NOBODY = {  # who was first where it was no person
    Resolution.RULE: "The gate's rule",
    Resolution.DEADLINE: "The deadline",
    Resolution.CANCELLED: "A cancel",
}


def newest(request: ApprovalRequest) -> ApprovalRequest:
    """The last revision of this request, itself if there is no later one."""
    while later := _after(previous=request.pk):
        request = later[0]
    return request


def effective(request: ApprovalRequest) -> ApprovalRequest:
    """The row that says what runs: the reviewer's edit where there is one, else the request."""
    if request.resolution != Resolution.EDITED or request.status != ApprovalStatus.NEEDS_REVISION:
        return request
    return _after(previous=request.pk)[0]


def name_winner(request: ApprovalRequest) -> str:
    """Who decided what and when, as one sentence; of an edit, what the edit decided."""
    row = effective(request)
    return refusals.name_winner(row, "decided first", row.get_status_display().lower(), NOBODY)


def explain_loss(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, late, or not what was shown."""
    error = refusals.explain_loss(ApprovalRequest, find_by_id, pk, shown, name_winner)
    request: ApprovalRequest = error.current
    current = newest(request)
    if current.pk != request.pk and request.resolution != Resolution.EDITED:
        return Stale(
            "The agent has asked again since; this page showed an older revision.", current
        )
    error.current = current if isinstance(error, Stale) else effective(request)
    return error
