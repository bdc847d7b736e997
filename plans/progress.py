"""The agent's verbs while a plan is carried out: what comes next, how a step ended.

Only here do steps begin, and only while the plan is accepted as it stands.
"""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.clock import now
from ledger.models import Run
from ledger.transitions import move, record, verb
from plans.asking import lock_plan, record_asked
from plans.figures import describe_end
from plans.lookup import steps_of, tries_of, unheard
from plans.models import (
    MessageKind,
    Plan,
    PlanStatus,
    PlanStep,
    PlanTurn,
    StepRun,
    StepStatus,
    TurnKind,
    TurnStatus,
)
from plans.versions.steps import Step
from plans.versions.storing import new_turn

DO = {  # what the agent has to do, by the status of its plan
    PlanStatus.DRAFTING: "propose",
    PlanStatus.AWAITING_FEEDBACK: "ask",
    PlanStatus.REVISING: "revise",
}


@verb
def next_for(plan_id: Any) -> dict[str, Any]:
    """What the agent has to do next, as `do`: propose, ask, revise, input, step or end.

    `step` means that this try at the step has begun now, by exactly what was accepted; with it
    come `step`, `attempt`, `human_input`, what was `said`, and `earlier` results. When no step is
    left, the plan is completed. `revise` brings the `version`, what was said that the agent has not
    `heard` yet, and the last message of it.
    """
    plan = lock_plan(plan_id)
    if plan.over:
        return {"do": "end", "status": plan.shown_status}
    if plan.status in DO:
        newest = plan.messages.order_by("pk").last()
        return {
            "do": DO[PlanStatus(plan.status)],
            "goal": plan.goal,
            "version": plan.version,
            "said": conversation(plan, since_agent=True),
            "heard": newest.pk if newest else 0,
        }
    tries = tries_of(plan)
    left = [step for step in steps_of(plan) if not _is(tries.get(step.id), StepStatus.DONE)]
    if not left:
        at, actor = now(), f"agent:{plan.agent_id}"
        about = describe_end(plan, at)
        changes = {"finished_at": at}
        move(
            plan,
            PlanStatus.COMPLETED,
            kind="plans.completed",
            actor=actor,
            changes=changes,
            **about,
        )
        return {"do": "end", "status": str(plan.status)}
    step, last = left[0], tries.get(left[0].id)
    if plan.turns.filter(status=TurnStatus.PENDING).exists():
        return {"do": "ask"}
    if step.person and last is None:
        return {"do": "input", "step": step.serialize()}
    return _begin(plan, step, last)


def _is(row: StepRun | None, status: StepStatus) -> bool:
    return row is not None and row.status == status


def _begin(plan: Plan, step: Step, last: StepRun | None) -> dict[str, Any]:
    """Begin a try at this step, or go on with the one for which a person has given words."""
    actor = f"agent:{plan.agent_id}"
    if _is(last, StepStatus.WAITING):
        assert last is not None  # noqa: S101  # for the type checker
        current = last
        words, person = _input(plan, step, "input")
        changes = {"human_input": words, "input_by": person}
        _move_try(current, StepStatus.RUNNING, "plans.step_started", actor, changes)
    elif _is(last, StepStatus.RUNNING):
        assert last is not None  # noqa: S101
        current = last
    else:
        current = _new_try(plan, step, last)
        _record(current, "plans.step_started", actor)
    if plan.status == PlanStatus.ACCEPTED:
        move(plan, PlanStatus.EXECUTING, kind="plans.executing", actor=actor, version=plan.version)
    return {
        "do": "step",
        "goal": plan.goal,
        "step": step.serialize(),
        "attempt": current.attempt,
        "human_input": current.human_input,
        "said": conversation(plan, step=step.id),
        "earlier": earlier(plan),
    }


def _new_try(plan: Plan, step: Step, last: StepRun | None) -> StepRun:
    words: str | None = None
    person = None
    if last is not None:  # what a person said on retrying counts; else what was said before
        words, person = _input(plan, step, "retry")
        if not words:
            words, person = last.human_input, last.input_by
    return StepRun.objects.create(
        plan=plan,
        step=_row(plan, step),
        identity=step.id,
        attempt=1 if last is None else last.attempt + 1,
        status=StepStatus.RUNNING,
        started_at=now(),
        human_input=words,
        input_by=person,
    )


def _row(plan: Plan, step: Step) -> PlanStep:
    found: PlanStep = PlanStep.objects.get(
        version__plan=plan, version__number=plan.version, identity=step.id
    )
    return found


def _input(plan: Plan, step: Step, outcome: str) -> tuple[str | None, Any]:
    """What a person said in the last turn about this step that ended so, and who."""
    turns = plan.turns.filter(step=step.id, outcome=outcome, status=TurnStatus.ANSWERED)
    turn = turns.select_related("reviewer").order_by("-pk").first()
    return (None, None) if turn is None else (turn.feedback, turn.reviewer)


@verb
def ask_input(plan_id: Any, step_id: str, *, run: Run | None = None, key: str = "") -> PlanTurn:
    """Ask people for what a step needs of them; from here on the step is locked."""
    plan = lock_plan(plan_id)
    step = _find_accepted_step(plan, step_id)
    if step is None or step_id in tries_of(plan):
        return new_turn(plan, TurnKind.INPUT, run=run, key=key, moot=True)
    waiting = StepRun.objects.create(
        plan=plan,
        step=_row(plan, step),
        identity=step.id,
        status=StepStatus.WAITING,
        started_at=now(),
    )
    actor = f"agent:{plan.agent_id}"
    _record(waiting, "plans.step_waiting", actor)
    if plan.status == PlanStatus.ACCEPTED:
        move(plan, PlanStatus.EXECUTING, kind="plans.executing", actor=actor, version=plan.version)
    turn = new_turn(plan, TurnKind.INPUT, run=run, key=key, step=step, asks=step.asks or step.does)
    record_asked(turn)
    return turn


def _find_accepted_step(plan: Plan, step_id: str) -> Step | None:
    if plan.over or plan.status not in Plan.RUNS:
        return None
    return next((step for step in steps_of(plan) if step.id == step_id), None)


@verb
def finish_step(plan_id: Any, step_id: str, attempt: int, result: Any) -> str:
    """Note that a try has ended well; also when the plan was stopped meanwhile. Its status."""
    plan = lock_plan(plan_id)
    found = plan.tries.get(identity=step_id, attempt=attempt)
    if found.status == StepStatus.RUNNING:
        changes = {"finished_at": now(), "result": canonical.storable(result)}
        actor = f"agent:{plan.agent_id}"
        _move_try(found, StepStatus.DONE, "plans.step_finished", actor, changes)
    return str(found.status)


@verb
def fail_step(
    plan_id: Any, step_id: str, attempt: int, error: str, *, run: Run | None = None, key: str = ""
) -> PlanTurn:
    """Note that a try has failed, and ask people: try again, change the rest, or stop."""
    plan = lock_plan(plan_id)
    found = plan.tries.get(identity=step_id, attempt=attempt)
    if found.status == StepStatus.RUNNING:
        changes = {"finished_at": now(), "error": canonical.storable(error)}
        actor = f"agent:{plan.agent_id}"
        _move_try(found, StepStatus.FAILED, "plans.step_failed", actor, changes)
    step = _find_accepted_step(plan, step_id)
    turn = new_turn(
        plan, TurnKind.FAILED, run=run, key=key, step=step, asks=error, moot=step is None
    )
    if step is not None:
        record_asked(turn)
    return turn


def _move_try(
    found: StepRun, to: StepStatus, kind: str, actor: str, changes: dict[str, Any]
) -> None:
    about: dict[str, Any] = {"step": found.identity, "attempt": found.attempt}
    move(found, to, kind=kind, actor=actor, changes=changes, **about)


def _record(found: StepRun, kind: str, actor: str) -> None:
    about = {"step": found.identity, "attempt": found.attempt, "version": found.step.version.number}
    record(kind, found.subject, actor=actor, run_id=found.run_id, **about)


def conversation(plan: Plan, *, since_agent: bool = False, step: str = "") -> list[dict[str, str]]:
    """What people said, for models: all, or what the agent has not heard; of one step only its."""
    rows = unheard(plan) if since_agent else plan.messages.all()
    return [
        {"kind": str(row.kind), "step": row.step, "about": row.about, "text": row.text}
        for row in rows.exclude(kind=MessageKind.AGENT).order_by("pk")
        if not step or row.step in ("", step)
    ]


def earlier(plan: Plan) -> list[dict[str, Any]]:
    """What the finished steps brought, in the order of the plan."""
    tries = tries_of(plan)
    return [
        {"step": step.title, "result": tries[step.id].result}
        for step in steps_of(plan)
        if _is(tries.get(step.id), StepStatus.DONE)
    ]
