"""The deadlines of requests: one that has passed rejects, and never approves."""

from __future__ import annotations

from functools import partial

from approvals.lookup import find_by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.requests import deadlines

TIMEOUT_FEEDBACK = "Approval timeout - auto-rejected for safety"

shorten = partial(deadlines.shorten, find_by_id)


def expire(request_id: object) -> ApprovalRequest:
    """Reject a request whose deadline has passed. Anything else about it: returned as it is."""
    return deadlines.expire(
        find_by_id,
        request_id,
        ApprovalStatus.REJECTED,
        kind="approvals.rejected",
        changes={
            "reviewer": None,
            "feedback": TIMEOUT_FEEDBACK,
            "resolution": Resolution.DEADLINE,
        },
        by="deadline",
        feedback=TIMEOUT_FEEDBACK,
    )
