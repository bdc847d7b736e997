"""Filters for lists of escalations: in the inbox and on the page of all of them."""

from __future__ import annotations

import json

from django.db.models import Q

from escalations.lookup import RELATED
from escalations.models import Escalation, EscalationStatus
from ledger.requests.models import OPEN, OVERDUE, RequestQuerySet
from pages.filters import Filter
from pages.inbox.lanes import Lane

STATUSES = [
    ("", "Any status"),
    (EscalationStatus.PENDING.value, "Pending"),
    (EscalationStatus.ANSWERED.value, "Answered"),
    (EscalationStatus.HANDLED.value, "Handled"),
    (EscalationStatus.DISMISSED.value, "Dismissed"),
    (EscalationStatus.EXPIRED.value, "Expired"),
]


def filter_rows(rows: RequestQuerySet, wanted: Filter) -> RequestQuerySet:
    """The rows that match all of the filter."""
    return wanted.apply(rows, has_status=_has_status, has_text=_has_text)


def _has_status(status: str) -> Q:
    """The status as it is shown: nothing is pending past its deadline."""
    if status == EscalationStatus.EXPIRED:
        return OVERDUE | Q(status=status)
    return OPEN if status == EscalationStatus.PENDING else Q(status=status)


def _has_text(text: str) -> Q:
    # Context and response are stored as JSON, in which a quote or a line break has a \ before it.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    named = Q(agent_id__icontains=text) | Q(type__icontains=text) | Q(reason__icontains=text)
    return named | Q(context__icontains=escaped) | Q(response__icontains=escaped)


LANE = Lane(
    key="escalations",
    name="Escalations",
    icon="life-buoy",
    index="escalations:index",
    needs="escalations.view_escalation",
    model=Escalation,
    row="escalations/_row.html",
    variable="escalation",
    related=RELATED,
    matching=filter_rows,
    decided=("escalations.answered", "escalations.dismissed"),
)
