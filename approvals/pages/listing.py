"""Filters for lists of requests: in the inbox and on the page of all approvals."""

from __future__ import annotations

import json

from django.db.models import Q

from approvals.models import ApprovalRequest, ApprovalRequestQuerySet, ApprovalStatus, Resolution
from ledger.requests.models import OPEN, OVERDUE
from pages.filters import Filter
from pages.inbox.lanes import Lane

EXPIRED = "expired"
STATUSES = [
    ("", "Any status"),
    (ApprovalStatus.PENDING.value, "Pending"),
    (ApprovalStatus.APPROVED.value, "Approved"),
    (ApprovalStatus.REJECTED.value, "Rejected"),
    (ApprovalStatus.NEEDS_REVISION.value, "Needs revision"),
    (EXPIRED, "Expired"),
    (ApprovalStatus.CANCELLED.value, "Cancelled"),
]


def filter_rows(rows: ApprovalRequestQuerySet, wanted: Filter) -> ApprovalRequestQuerySet:
    """The rows that match all of the filter."""
    return wanted.apply(rows, has_status=_has_status, has_text=_has_text)


def _has_status(status: str) -> Q:
    """The status as it is shown: nothing is pending past its deadline.

    Expired is what no person decided in time, whether the rejection was written yet or not; what
    the deadline has rejected is found under rejected as well, for that is what it is.
    """
    if status == EXPIRED:
        return OVERDUE | Q(status=ApprovalStatus.REJECTED, resolution=Resolution.DEADLINE)
    return OPEN if status == ApprovalStatus.PENDING else Q(status=status)


def _has_text(text: str) -> Q:
    found = Q(action__icontains=text) | Q(preview__icontains=text) | Q(agent_id__icontains=text)
    # The details are stored as JSON, in which a quote or a line break is written with a \.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return found | Q(story__icontains=text) | Q(details__icontains=escaped)


LANE = Lane(
    key="approvals",
    name="Approvals",
    icon="shield-check",
    index="approvals:index",
    needs="approvals.view_approvalrequest",
    model=ApprovalRequest,
    row="approvals/_row.html",
    variable="approval",
    related=("run", "reviewer"),
    matching=filter_rows,
    decided=("approvals.approved", "approvals.rejected", "approvals.revision_requested"),
    shown=lambda rows: rows.exclude(status="needs_revision", resolution="edited"),
)
