"""Which escalations a list shows: what the filters of the inbox and of all of them mean for them."""

from __future__ import annotations

import json

from django.db.models import Q

from escalations.models import EscalationStatus
from ledger.clock import DbNow
from ledger.requests.models import RequestQuerySet
from pages.filters import Filter

STATUSES = [
    ("", "Any status"),
    (EscalationStatus.PENDING.value, "Pending"),
    (EscalationStatus.ANSWERED.value, "Answered"),
    (EscalationStatus.HANDLED.value, "Handled"),
    (EscalationStatus.DISMISSED.value, "Dismissed"),
    (EscalationStatus.EXPIRED.value, "Expired"),
]


def matching(rows: RequestQuerySet, wanted: Filter) -> RequestQuerySet:
    """The rows that match all of the filter."""
    found: RequestQuerySet = wanted.by_risk_and_agent(rows)
    if wanted.status:
        found = found.filter(_has_status(wanted.status))
    if wanted.text:
        found = found.filter(_has_text(wanted.text))
    return found


def _has_status(status: str) -> Q:
    """The status as it is shown: nothing is pending past its deadline."""
    overdue = Q(status=EscalationStatus.PENDING, deadline__lte=DbNow())
    if status == EscalationStatus.EXPIRED:
        return overdue | Q(status=status)
    if status == EscalationStatus.PENDING:
        return Q(Q(deadline=None) | Q(deadline__gt=DbNow()), status=status)
    return Q(status=status)


def _has_text(text: str) -> Q:
    # Context and response are stored as JSON, in which a quote or a line break has a \ before it.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    named = Q(agent_id__icontains=text) | Q(type__icontains=text) | Q(reason__icontains=text)
    return named | Q(context__icontains=escaped) | Q(response__icontains=escaped)
