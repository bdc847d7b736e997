"""Plans in figures: rounds until acceptance, what people changed, waiting against working."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger import patterns
from ledger.clock import read_local_clock
from plans.lookup import build_step
from plans.models import Plan, PlanStep, PlanTurn, PlanVersion
from plans.versions.difference import difference
from plans.versions.steps import Step

Span = tuple[datetime, datetime]
Versions = list[tuple[PlanVersion, list[Step]]]


@dataclass(frozen=True)
class Figures:
    """Of one plan, or of several together.

    `rounds`: times that the agent revised it before people first accepted; None while nobody has.
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


def read_figures(plan: Plan) -> Figures:
    """The figures of one plan."""
    return read_all([plan])[0]


def add_up(plans: Iterable[Plan]) -> Figures:
    """The figures of several plans: the mean of rounds, and the sums of the rest."""
    found = read_all(list(plans))
    rounds = [each.rounds for each in found if each.rounds is not None]
    return Figures(
        rounds=sum(rounds) / len(rounds) if rounds else None,
        edited=sum(each.edited for each in found),
        steps=sum(each.steps for each in found),
        waited=sum((each.waited for each in found), timedelta(0)),
        worked=sum((each.worked for each in found), timedelta(0)),
    )


def read_all(plans: Sequence[Plan], until: datetime | None = None) -> list[Figures]:
    """The figures of each of these plans, at their end or now; as many queries as for one."""
    at = until or read_local_clock()
    versions, spans = _versions(plans), _spans(plans)
    return [
        _figures(plan, plan.finished_at or at, versions[plan.pk], spans[plan.pk]) for plan in plans
    ]


def _figures(plan: Plan, until: datetime, versions: Versions, spans: list[Span]) -> Figures:
    inside = [(max(start, plan.created_at), min(end or until, until)) for start, end in spans]
    waited = compute_covered(inside)
    return Figures(
        rounds=_rounds(plan, versions),
        edited=len(_find_edited(versions)),
        steps=len(versions[-1][1]) if versions else 0,
        waited=waited,
        worked=max(until - plan.created_at - waited, timedelta(0)),
    )


# ---- What the log says of a plan, for the statistics


def describe_acceptance(plan: Plan) -> dict[str, Any]:
    """What the event of its first acceptance says: the rounds until then, and what people edited."""
    versions = _versions([plan])[plan.pk]
    figures = {
        "plans_accepted": 1,
        "rounds": _count_rounds(versions),
        "steps": len(versions[-1][1]),
        "steps_edited": len(_find_edited(versions)),
    }
    return {"agent": plan.agent_id, "figures": figures}


def describe_end(plan: Plan, at: datetime) -> dict[str, Any]:
    """What the event of its end says: the time it waited for people, and the time it worked."""
    found = read_all([plan], at)[0]
    milliseconds = [
        round(each / timedelta(milliseconds=1)) for each in (found.waited, found.worked)
    ]
    figures = {"plans_ended": 1, "waited_ms": milliseconds[0], "worked_ms": milliseconds[1]}
    return {"agent": plan.agent_id, "figures": figures}


# ---- From the rows


def _versions(plans: Sequence[Plan]) -> defaultdict[int, Versions]:
    """The versions of each plan in order, with their steps."""
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    found: defaultdict[int, Versions] = defaultdict(list)
    wanted = [plan.pk for plan in plans]
    for row in PlanStep.objects.filter(version__plan__in=wanted).order_by("version_id", "position"):
        steps[row.version_id].append(build_step(row))
    for version in PlanVersion.objects.filter(plan__in=wanted).order_by("plan_id", "number"):
        found[version.plan_id].append((version, steps[version.pk]))
    return found


def _rounds(plan: Plan, versions: Versions) -> int | None:
    accepted = plan.first_accepted_at
    if accepted is None:
        return None
    return _count_rounds([each for each in versions if each[0].created_at < accepted])


def _count_rounds(versions: Versions) -> int:
    """How often the agent has made another version after its first."""
    return max(sum(version.author_id is None for version, _ in versions) - 1, 0)


def _find_edited(versions: Versions) -> set[str]:
    """The steps of the last of these versions that a person has added or changed in any."""
    found: set[str] = set()
    before: list[Step] = []
    for version, steps in versions:
        if version.author_id is not None:
            changes = difference(before, steps)
            found |= {each.step.id for each in changes if each.kind in ("added", "changed")}
        before = steps
    return found & {step.id for step in before}


def _spans(plans: Sequence[Plan]) -> defaultdict[int, list[Any]]:
    """When each plan had something of it before people: its turns, and what its run asks."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    turns = PlanTurn.objects.filter(plan__in=[plan.pk for plan in plans])
    for plan_id, *span in turns.values_list("plan_id", "created_at", "resolved_at"):
        found[plan_id].append(span)
    of_run: defaultdict[int, list[int]] = defaultdict(
        list
    )  # a run may have several, one after another
    for plan in plans:
        if plan.run_id is not None:
            of_run[plan.run_id].append(plan.pk)
    for pattern in patterns.list_patterns() if of_run else ():
        rows = pattern.model.objects.filter(run__in=list(of_run)).order_by()
        for run_id, *span in rows.values_list("run_id", "created_at", "resolved_at"):
            for plan_id in of_run[run_id]:
                found[plan_id].append(span)
    return found


def compute_covered(spans: Iterable[Span]) -> timedelta:
    """The time that lies in at least one of these spans."""
    total, reached = timedelta(0), None
    for start, end in sorted(spans):
        start = start if reached is None else max(start, reached)
        total += max(end - start, timedelta(0))
        reached = end if reached is None else max(reached, end)
    return total
