"""Which requests a list shows: what the filters of the inbox and of all approvals mean for them."""

from __future__ import annotations

import json

from django.db.models import Q

from approvals.models import ApprovalRequestQuerySet, ApprovalStatus, Resolution
from ledger.clock import DbNow
from pages.filters import Filter

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


def matching(rows: ApprovalRequestQuerySet, wanted: Filter) -> ApprovalRequestQuerySet:
    """The rows that match all of the filter."""
    found: ApprovalRequestQuerySet = wanted.by_risk_and_agent(rows)
    if wanted.status:
        found = found.filter(_has_status(wanted.status))
    if wanted.text:
        found = found.filter(_has_text(wanted.text))
    return found


def _has_status(status: str) -> Q:
    """The status as it is shown: nothing is pending past its deadline.

    Expired is what no person decided in time, whether the rejection was written yet or not; what
    the deadline has rejected is found under rejected as well, for that is what it is.
    """
    overdue = Q(status=ApprovalStatus.PENDING, deadline__lte=DbNow())
    if status == EXPIRED:
        late = Q(status=ApprovalStatus.REJECTED, resolution=Resolution.DEADLINE)
        return overdue | late
    if status == ApprovalStatus.PENDING:
        return Q(Q(deadline=None) | Q(deadline__gt=DbNow()), status=status)
    return Q(status=status)


def _has_text(text: str) -> Q:
    found = Q(action__icontains=text) | Q(preview__icontains=text) | Q(agent_id__icontains=text)
    # The details are stored as JSON, in which a quote or a line break is written with a \.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return found | Q(story__icontains=text) | Q(details__icontains=escaped)
