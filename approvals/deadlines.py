"""What time does to a request: a deadline that has passed rejects, and never approves."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from approvals.lookup import by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.clock import DbNow, now
from ledger.errors import BadInput, Refused
from ledger.transitions import move, record, verb

TIMEOUT_FEEDBACK = "Approval timeout - auto-rejected for safety"
LONGEST = 10 * 365 * 24 * 60 * 60  # seconds; who waits longer waits for the gate's deadline


@verb
def expire(request_id: object) -> ApprovalRequest:
    """Reject a request whose deadline has passed. Anything else about it: returned as it is."""
    request, at = by_id(request_id), now()
    if request.deadline is None or at < request.deadline:
        return request  # so that no row says that it was rejected before its deadline
    try:
        move(
            request,
            ApprovalStatus.REJECTED,
            kind="approvals.rejected",
            actor="deadline",
            changes={
                "reviewer": None,
                "feedback": TIMEOUT_FEEDBACK,
                "resolved_at": at,
                "resolution": Resolution.DEADLINE,
            },
            where=Q(deadline__lte=DbNow()),
            by="deadline",
            feedback=TIMEOUT_FEEDBACK,
        )
    except Refused:
        return by_id(request_id)  # somebody was first, or it is not due yet
    return request


@verb
def shorten(request_id: object, seconds: float) -> ApprovalRequest:
    """Bring the deadline forward to `seconds` from now: once, and never backward.

    Infinity leaves it where it is. Raises BadInput for what is no number.
    """
    request = by_id(request_id)
    if not isinstance(seconds, int | float) or seconds != seconds:
        raise BadInput("timeout", f"{seconds!r} is no number of seconds.")
    if seconds > LONGEST:
        return request
    deadline = now() + timedelta(seconds=max(0.0, seconds))
    rows = ApprovalRequest.objects.filter(
        Q(deadline=None) | Q(deadline__gt=deadline),
        pk=request.pk,
        status=ApprovalStatus.PENDING,
        shortened=False,
    )
    if rows.update(deadline=deadline, shortened=True):
        record(
            "approvals.deadline_shortened",
            request.subject,
            actor=f"agent:{request.agent_id}",
            run_id=request.run_id,
            deadline=deadline.isoformat(),
        )
    return by_id(request_id)
