"""Changes by people: the next version of a plan, and where the plan goes with it. Inside a unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import move
from plans import outcome
from plans.asking import answer_turns, record_asked
from plans.lookup import find_locked, steps_of, version_of
from plans.models import Plan, PlanStatus, TurnKind, TurnStatus
from plans.versions.difference import is_material
from plans.versions.steps import AddStep, Change, SetStep, Step, apply_changes, check_step
from plans.versions.storing import (
    Draft,
    compute_remaining_risk,
    list_changed_columns,
    namer,
    new_turn,
    store_version,
)


def change_steps(plan: Plan, user: Any, changes: Sequence[Change]) -> None:
    """Store the next version, if these changes make one, and move the plan as that asks for."""
    before, locked = steps_of(plan), find_locked(plan)
    steps, words = apply_changes(
        before, [_check(plan, each) for each in changes], locked, namer(plan)
    )
    if steps == before:
        return
    accepted = plan.status in Plan.RUNS
    material = is_material(steps_of(plan, plan.accepted_version) if accepted else before, steps)
    number, current = plan.version + 1, version_of(plan)
    draft = Draft(
        steps=tuple(steps),
        decisions=tuple(current.decisions),
        risks=tuple(current.risks),
        asked=tuple(current.questions),
        explanation="; ".join(words),
    )
    store_version(plan, number, draft, author=user, material=material)
    fields = list_changed_columns(plan, number, steps)
    to = PlanStatus(plan.status)
    if accepted and material:
        to = PlanStatus.AWAITING_FEEDBACK
    elif accepted:
        fields["accepted_version"] = number
    actor = actor_for(user)
    about: dict[str, Any] = {"version": number, "what": words, "material": material}
    move_shown(plan, to, "plans.edited", actor, fields, **about)
    _tell_turns(plan, user, asks_again=accepted and material)


def _check(plan: Plan, change: Change) -> Change:
    if isinstance(change, SetStep):
        return SetStep(_step(plan, change.step))
    return AddStep(_step(plan, change.step)) if isinstance(change, AddStep) else change


def _step(plan: Plan, step: Step) -> Step:
    return check_step(step, plan.actions, f"{step.id}-" if step.id else "")


def _tell_turns(plan: Plan, user: Any, asks_again: bool) -> None:
    """The open turn is about the new version; a failed step's is over when all is asked again."""
    if asks_again:
        actor = actor_for(user)
        answer_turns(plan, "edit", actor=actor, by=user, but=TurnKind.INPUT)
        record_asked(new_turn(plan, TurnKind.FEEDBACK))
        return
    risk = compute_remaining_risk(plan)
    rows = plan.turns.filter(status=TurnStatus.PENDING)
    rows.update(version=plan.version, risk_level=risk, risk_rank=RiskLevel(risk).rank)


def move_shown(
    plan: Plan, to: PlanStatus, kind: str, actor: str, changes: dict[str, Any], **data: Any
) -> None:
    """The compare-and-set: the status and the version that were read."""
    shown = plan.version
    move(
        plan,
        to,
        kind=kind,
        actor=actor,
        changes=changes,
        where=Q(version=shown),
        lost=lambda: outcome.explain_outdated(plan, shown),
        **data,
    )
