"""Filters for lists of plans and turns: in the inbox and on the page of all plans."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q

from ledger.models import Run
from pages.filters import Filter
from pages.inbox.lanes import Lane
from plans.models import Plan, PlanStatus, PlanStep, PlanTurn

STATUSES = [
    ("", "Any status"),
    *((value, value.replace("_", " ").capitalize()) for value in PlanStatus.values),
]
OVER = Q(status__in=Plan.OVER)


def turns(rows: Any, wanted: Filter) -> Any:
    """The turns that match all of the filter, whatever their status: a list has the pending ones."""
    return wanted.apply(rows, has_status=lambda _: Q(), has_text=_turn_has_text)


def _turn_has_text(text: str) -> Q:
    found = Q(plan__goal__icontains=text) | Q(agent_id__icontains=text)
    return found | Q(title__icontains=text) | Q(asks__icontains=text)


def plans(rows: Any, wanted: Filter) -> Any:
    """The plans that match all of the filter; a plan is over with its run."""
    return wanted.apply(rows, has_status=_has_status, has_text=_has_text)


def _has_text(text: str) -> Q:
    steps = PlanStep.objects.filter(version__plan=OuterRef("pk"), title__icontains=text)
    return Q(goal__icontains=text) | Q(agent_id__icontains=text) | Q(Exists(steps))


def _has_status(status: str) -> Q:
    gone = ~OVER & Q(run__status__in=Run.OVER)
    if status == PlanStatus.FAILED:
        return Q(status=status) | (~OVER & Q(run__status=Run.Status.FAILED))
    if status == PlanStatus.STOPPED:
        return Q(status=status) | (gone & ~Q(run__status=Run.Status.FAILED))
    if status == PlanStatus.COMPLETED:
        return Q(status=status)
    return Q(status=status) & ~Q(run__status__in=Run.OVER)


LANE = Lane(
    key="plans",
    name="Plans",
    icon="list-checks",
    index="plans:index",
    needs="plans.view_plan",
    model=PlanTurn,
    row="plans/_turn_row.html",
    variable="turn",
    related=("run", "reviewer", "plan"),
    matching=turns,
    decided=("plans.answered",),
)
