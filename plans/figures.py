"""Plans in figures: rounds until acceptance, what people changed, waiting against working."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger import requests
from ledger.clock import shown_now
from plans.difference import difference
from plans.finding import steps_of
from plans.models import MessageKind, Plan

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Figures:
    """Of one plan, or of several together.

    `rounds`: times that people sent feedback before they first accepted; None while nobody has.
    `edited` of `steps`: those of the plan that people have added or changed. `waited`: time with
    a question open to people; `worked`: the rest of the plan's life until now or its end.
    """

    rounds: float | None
    edited: int
    steps: int
    waited: timedelta
    worked: timedelta

    @property
    def share(self) -> float:
        """The share of steps that people have edited, 0 to 1."""
        return self.edited / self.steps if self.steps else 0.0

    @property
    def percent(self) -> int:
        return round(100 * self.share)


def of(plan: Plan) -> Figures:
    """The figures of one plan."""
    until = plan.finished_at or shown_now()
    waited = _waited(plan, until)
    return Figures(
        rounds=_rounds(plan),
        edited=len(edited_steps(plan)),
        steps=len(steps_of(plan)),
        waited=waited,
        worked=max(until - plan.created_at - waited, timedelta(0)),
    )


def together(plans: Iterable[Plan]) -> Figures:
    """The figures of several plans: the mean of rounds, and the sums of the rest."""
    found = [of(plan) for plan in plans]
    rounds = [each.rounds for each in found if each.rounds is not None]
    return Figures(
        rounds=sum(rounds) / len(rounds) if rounds else None,
        edited=sum(each.edited for each in found),
        steps=sum(each.steps for each in found),
        waited=sum((each.waited for each in found), timedelta(0)),
        worked=sum((each.worked for each in found), timedelta(0)),
    )


def _rounds(plan: Plan) -> int | None:
    accepted = plan.first_accepted_at
    if accepted is None:
        return None
    said = plan.messages.filter(kind=MessageKind.FEEDBACK, at__lt=accepted)
    versions = plan.versions.filter(author=None, created_at__lt=accepted).count()
    return max(versions - 1, 0) if versions else said.count()


def edited_steps(plan: Plan) -> set[str]:
    """The steps of the current version that a person has added or changed in any version."""
    found: set[str] = set()
    before: list[Any] = []
    for version in plan.versions.order_by("number"):
        steps = steps_of(plan, version.number)
        if version.author_id is not None:
            changes = difference(before, steps)
            found |= {each.step.id for each in changes if each.kind in ("added", "changed")}
        before = steps
    return found & {step.id for step in before}


def _waited(plan: Plan, until: datetime) -> timedelta:
    """For how long people had something of this plan to answer; two at once count once."""
    spans = [(turn.created_at, turn.resolved_at) for turn in plan.turns.all()]
    if plan.run is not None:
        for model in requests.kinds():
            rows = model.objects.filter(run=plan.run)
            spans += list(rows.values_list("created_at", "resolved_at"))
    inside = [(max(start, plan.created_at), min(end or until, until)) for start, end in spans]
    return covered(inside)


def covered(spans: Iterable[Span]) -> timedelta:
    """The time that lies in at least one of these spans."""
    total, reached = timedelta(0), None
    for start, end in sorted(spans):
        start = start if reached is None else max(start, reached)
        total += max(end - start, timedelta(0))
        reached = end if reached is None else max(reached, end)
    return total
