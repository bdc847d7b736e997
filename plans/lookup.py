"""The rows that a verb is about, and a plan's steps as they stand."""

from __future__ import annotations

from typing import Any

from ledger.errors import UnknownId
from ledger.requests.checks import make_finder
from plans.models import Plan, PlanStep, PlanTurn, PlanVersion, StepRun, StepStatus
from plans.versions.steps import Step

find_by_id = make_finder(Plan, "plan", "run__requester", "run__owner")
find_turn_by_id = make_finder(PlanTurn, "turn of a plan", "run", "reviewer", "plan")
BEGUN = (StepStatus.WAITING, StepStatus.RUNNING, StepStatus.DONE)


def version_of(plan: Plan, number: int | None = None) -> PlanVersion:
    """That version of the plan, or the current one; UnknownId if there is none."""
    wanted = plan.version if number is None else number
    found = plan.versions.select_related("author", "accepted_by").filter(number=wanted).first()
    if found is None:
        raise UnknownId(f"version of plan {plan.pk}:", wanted)
    return found


def agents_version(plan: Plan) -> PlanVersion | None:
    """The last version that the agent has drawn up."""
    return plan.versions.filter(author=None).order_by("-number").first()


def unheard(plan: Plan) -> Any:
    """The messages that the agent had not been told when it drew up its last version."""
    last = agents_version(plan)
    return plan.messages.filter(pk__gt=last.heard if last else 0)


def steps_of(plan: Plan, number: int | None = None) -> list[Step]:
    """The steps of that version, or of the current one, in order; none before the first version."""
    wanted = plan.version if number is None else number
    rows = PlanStep.objects.filter(version__plan=plan, version__number=wanted).order_by("position")
    return [build_step(row) for row in rows]


def build_step(row: PlanStep) -> Step:
    return Step(
        id=row.identity,
        title=row.title,
        does=row.does,
        actions=tuple(row.actions),
        risk=row.risk_level,
        undoable=row.undoable,
        person=row.person,
        asks=row.asks,
        note=row.note,
    )


def tries_of(plan: Plan) -> dict[str, StepRun]:
    """The last try at each step that was begun, by the step's identity."""
    rows = plan.tries.select_related("input_by").order_by("attempt")
    return {row.identity: row for row in rows}


def find_locked(plan: Plan) -> set[str]:
    """The steps that nobody may change any more: begun or finished. A failed one is free again."""
    return {one for one, row in tries_of(plan).items() if row.status in BEGUN}
