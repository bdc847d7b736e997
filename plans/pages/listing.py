"""Which plans and turns a list shows: what the filters of the inbox and of all plans mean for them."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q

from ledger.models import Run
from pages.filters import Filter
from plans.models import Plan, PlanStatus, PlanStep

STATUSES = [
    ("", "Any status"),
    *((value, value.replace("_", " ").capitalize()) for value in PlanStatus.values),
]
OVER = Q(status__in=Plan.OVER)


def turns(rows: Any, wanted: Filter) -> Any:
    """The turns that match all of the filter."""
    found = wanted.by_risk_and_agent(rows)
    if wanted.text:
        has = Q(plan__goal__icontains=wanted.text) | Q(agent_id__icontains=wanted.text)
        found = found.filter(has | Q(title__icontains=wanted.text) | Q(asks__icontains=wanted.text))
    return found


def plans(rows: Any, wanted: Filter) -> Any:
    """The plans that match all of the filter; a plan is over with its run."""
    found = wanted.by_risk_and_agent(rows)
    if wanted.status:
        found = found.filter(_has_status(wanted.status))
    if wanted.text:
        steps = PlanStep.objects.filter(version__plan=OuterRef("pk"), title__icontains=wanted.text)
        has = Q(goal__icontains=wanted.text) | Q(agent_id__icontains=wanted.text)
        found = found.filter(has | Exists(steps))
    return found


def _has_status(status: str) -> Q:
    gone = ~OVER & Q(run__status__in=Run.OVER)
    if status == PlanStatus.FAILED:
        return Q(status=status) | (~OVER & Q(run__status=Run.Status.FAILED))
    if status == PlanStatus.STOPPED:
        return Q(status=status) | (gone & ~Q(run__status=Run.Status.FAILED))
    if status == PlanStatus.COMPLETED:
        return Q(status=status)
    return Q(status=status) & ~Q(run__status__in=Run.OVER)
