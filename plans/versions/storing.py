"""Storing what a plan's history is made of: versions, messages, turns. Inside another's unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ledger import canonical
from ledger.clock import now
from ledger.models import Run
from ledger.risk import RiskLevel
from plans.lookup import steps_of, tries_of
from plans.models import (
    MessageKind,
    Plan,
    PlanMessage,
    PlanStep,
    PlanTurn,
    PlanVersion,
    StepStatus,
    TurnKind,
    TurnStatus,
)
from plans.versions.steps import Step


@dataclass(frozen=True)
class Draft:
    """What a version says besides who made it and when."""

    steps: tuple[Step, ...]
    decisions: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    explanation: str = ""
    asked: tuple[dict[str, str], ...] = field(default=())  # questions that have an identity


def store_version(
    plan: Plan,
    number: int,
    draft: Draft,
    *,
    author: Any = None,
    heard: int = 0,
    material: bool = True,
) -> PlanVersion:
    """Make that version's rows; the plan's own row is the caller's to move."""
    version = PlanVersion.objects.create(
        plan=plan,
        number=number,
        author=author,
        created_at=now(),
        explanation=canonical.storable(draft.explanation),
        decisions=canonical.storable(list(draft.decisions)),
        risks=canonical.storable(list(draft.risks)),
        questions=canonical.storable(
            list(draft.asked)
            or [
                {"id": f"q{number}-{n}", "text": text}
                for n, text in enumerate(draft.questions, start=1)
            ]
        ),
        heard=heard,
        material=material,
    )
    PlanStep.objects.bulk_create(
        PlanStep(
            version=version,
            position=position,
            identity=step.id,
            title=step.title,
            does=step.does,
            actions=list(step.actions),
            risk_level=step.risk,
            undoable=step.undoable,
            person=step.person,
            asks=step.asks,
            note=canonical.storable(step.note),
        )
        for position, step in enumerate(draft.steps, start=1)
    )
    return version


def list_changed_columns(plan: Plan, number: int, steps: Sequence[Step]) -> dict[str, Any]:
    """The columns of the plan that change with a new version."""
    return {"version": number, "risk_level": risk_of(steps), "steps_made": plan.steps_made}


def risk_of(steps: Sequence[Step]) -> str:
    """The highest risk among these steps."""
    levels = [RiskLevel(step.risk) for step in steps]
    return str(max(levels, key=lambda level: level.rank, default=RiskLevel.LOW))


def namer(plan: Plan) -> Callable[[], str]:
    """Gives the next step of this plan a name that none of its steps ever had."""

    def new_id() -> str:
        plan.steps_made += 1
        return f"s{plan.steps_made}"

    return new_id


def say(
    plan: Plan,
    kind: MessageKind,
    text: str,
    *,
    author: Any = None,
    step: Step | None = None,
    question: dict[str, str] | None = None,
) -> PlanMessage:
    """Put one thing that was said into the conversation."""
    about = step.title if step else question["text"] if question else ""
    return PlanMessage.objects.create(
        plan=plan,
        version=plan.version,
        kind=kind,
        author=author,
        step=step.id if step else "",
        question=question["id"] if question else "",
        about=about,
        text=canonical.storable(text),
        at=now(),
    )


def new_turn(
    plan: Plan,
    kind: TurnKind,
    *,
    run: Run | None = None,
    key: str = "",
    step: Step | None = None,
    asks: str = "",
    moot: bool = False,
) -> PlanTurn:
    """A turn of the people's. One that is `moot` is over at once: the agent looks again."""
    risk = RiskLevel(compute_remaining_risk(plan))
    at = now()
    return PlanTurn.objects.create(
        plan=plan,
        run=run or plan.run,
        agent_id=plan.agent_id,
        created_at=at,
        kind=kind,
        version=plan.version,
        step=step.id if step else "",
        title=step.title if step else "",
        asks=canonical.storable(asks),
        risk_level=risk,
        risk_rank=risk.rank,
        key=key,
        status=TurnStatus.ANSWERED if moot else TurnStatus.PENDING,
        outcome="moot" if moot else "",
        resolved_at=at if moot else None,
    )


def compute_remaining_risk(plan: Plan) -> str:
    """The highest risk among the steps that are not finished."""
    done = {one for one, row in tries_of(plan).items() if row.status == StepStatus.DONE}
    return risk_of([step for step in steps_of(plan) if step.id not in done])


def replace_steps(draft: Draft, steps: Sequence[Step]) -> Draft:
    """The same draft about other steps."""
    return replace(draft, steps=tuple(steps))
