"""Why a decision did not count, and what counts instead."""

from __future__ import annotations

from approvals.lookup import by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.errors import AlreadyDecided, BadInput, LedgerError, Refused, Stale, TooLate
from ledger.statements.prepared import Number, Rows, slot

# The one revision that followed a request, if any.
_after = Rows(
    lambda: ApprovalRequest.objects.select_related("run", "reviewer", "gate").filter(
        previous=slot(ApprovalRequest, "previous")
    )
)
_overdue = Number(
    lambda: (
        ApprovalRequest.objects.overdue().filter(pk=slot(ApprovalRequest, "id")).values_list("pk")
    )
)


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


def said(request: ApprovalRequest) -> str:
    """Who decided what and when, as one sentence."""
    at = f"{request.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if request.resolved_at else ""
    who = {
        Resolution.RULE: "The gate's rule",
        Resolution.DEADLINE: "The deadline",
        Resolution.CANCELLED: "A cancel",
    }.get(Resolution(request.resolution), "")
    if not who and request.reviewer is not None:
        who = request.reviewer.get_full_name() or request.reviewer.get_username()
    word = request.get_status_display().lower()
    return f"{who or 'Somebody'} decided first: {word}, {at}."


def lost(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, late, or not what was shown.

    The clock is asked before the row is read: a row that was not late then is decided by now.
    """
    late = _overdue(id=pk) > 0
    request = by_id(pk)
    current = newest(request)
    if current.pk != request.pk and request.resolution != Resolution.EDITED:
        return Stale(
            "The agent has asked again since; this page showed an older revision.", current
        )
    if request.digest != shown:
        return Stale("This page was out of date; nothing was decided.", current)
    if late or request.resolution == Resolution.DEADLINE:
        return TooLate("The deadline has passed; nothing was decided.", request)
    return AlreadyDecided(said(effective(request)), effective(request))


def instead(error: LedgerError, approval: ApprovalRequest, digest: str) -> LedgerError:
    """The error that matters: of input that came too late anyway, that it came too late."""
    if isinstance(error, BadInput) and (
        approval.shown_status != "pending" or digest != approval.digest
    ):
        return lost(approval.pk, digest)
    return error
