"""The agent's verbs about a plan as a whole: begin it, put a version before people, give it up.

Each is written in the transaction of the run's journal entry, so that a replay finds it done.
None of them raises because people were faster: it answers what is so, and the agent looks again.
"""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.clock import now
from ledger.errors import IllegalMove
from ledger.models import Run
from ledger.transitions import move, record, rows_for_update, verb
from plans.figures import describe_end
from plans.lookup import find_by_id, find_locked, steps_of
from plans.models import MessageKind, Plan, PlanStatus, PlanTurn, TurnKind, TurnStatus
from plans.versions.difference import is_material
from plans.versions.steps import merge
from plans.versions.storing import (
    Draft,
    list_changed_columns,
    namer,
    new_turn,
    replace_steps,
    say,
    store_version,
)

STARTED_AGAIN = "The run was started again, with a new plan."


def lock_plan(plan_id: Any) -> Plan:
    """The plan as it is now; on PostgreSQL nobody else changes it until the commit."""
    find_by_id(plan_id)  # UnknownId
    found: Plan = rows_for_update(Plan).select_related("run").get(pk=plan_id)
    return found


@verb
def begin(
    *,
    agent_id: str,
    goal: str,
    actions: list[dict[str, Any]],
    run: Run | None = None,
    key: str = "",
) -> Plan:
    """A new plan, still without steps. The same (run, key) again answers the plan that is there."""
    if run is not None:
        known = Plan.objects.filter(run=run, key=key).first() if key else None
        if known is not None:
            return known
        _end_earlier(run, key)
    plan = Plan.objects.create(
        run=run,
        key=key,
        agent_id=agent_id,
        goal=canonical.storable(goal),
        actions=canonical.storable(actions),
        created_at=now(),
    )
    record("plans.begun", plan.subject, actor=f"agent:{agent_id}", run_id=plan.run_id)
    return plan


def _end_earlier(run: Run, key: str) -> None:
    """A run that an operator has started again makes its plan anew; the old one is over."""
    generation = f"{key.partition(':')[0]}:"
    for plan in Plan.objects.filter(run=run).exclude(key__startswith=generation):
        if plan.status not in Plan.OVER:
            at = now()
            about = describe_end(plan, at)
            changes = {"finished_at": at, "error": STARTED_AGAIN}
            kind = "plans.stopped"
            move(plan, PlanStatus.STOPPED, kind=kind, actor="system", changes=changes, **about)


@verb
def offer(
    plan_id: Any,
    draft: Draft,
    *,
    based_on: int,
    heard: int = 0,
    run: Run | None = None,
    key: str = "",
) -> PlanTurn:
    """Put the agent's next version before people, and ask for their feedback.

    `heard` is the last message that was told to whoever drew it up; what people said meanwhile is
    told for the next version. After an acceptance, a version that says the same in other words needs no new one. The turn
    is moot then, and also when the plan went on meanwhile, such as when it was stopped.
    """
    plan = lock_plan(plan_id)
    drawn_up = plan.status in (PlanStatus.DRAFTING, PlanStatus.REVISING)
    if plan.over or not drawn_up or plan.version != based_on:
        return new_turn(plan, TurnKind.FEEDBACK, run=run, key=key, moot=True)
    current = steps_of(plan)
    steps = merge(current, draft.steps, find_locked(plan), namer(plan))
    accepted = plan.accepted_version
    material = accepted is None or is_material(steps_of(plan, accepted), steps)
    number = plan.version + 1
    store_version(plan, number, replace_steps(draft, steps), heard=heard, material=material)
    changes = list_changed_columns(plan, number, steps)
    if not material:
        changes["accepted_version"] = number
    to = PlanStatus.AWAITING_FEEDBACK if material else PlanStatus.ACCEPTED
    actor = f"agent:{plan.agent_id}"
    move(plan, to, kind="plans.proposed", actor=actor, changes=changes, version=number)
    if draft.explanation:
        say(plan, MessageKind.AGENT, draft.explanation)
    turn = new_turn(plan, TurnKind.FEEDBACK, run=run, key=key, moot=not material)
    if material:
        record_asked(turn)
    return turn


@verb
def ask_again(plan_id: Any, *, run: Run | None = None, key: str = "") -> PlanTurn:
    """The turn in which people have the plan now: the one that is open, or a moot one."""
    plan = lock_plan(plan_id)
    turn = plan.turns.filter(status=TurnStatus.PENDING).order_by("pk").first()
    if turn is not None:
        return turn
    if not plan.over and plan.status == PlanStatus.AWAITING_FEEDBACK:
        turn = new_turn(plan, TurnKind.FEEDBACK, run=run, key=key)
        record_asked(turn)
        return turn
    return new_turn(plan, TurnKind.FEEDBACK, run=run, key=key, moot=True)


@verb
def take_feedback(plan_id: Any, text: str) -> int:
    """Note feedback that the program itself brings; the version to revise.

    Where a person's feedback is being worked on already, it is added to that: the next revision
    hears both. IllegalMove when the plan is over or has no version yet.
    """
    plan = lock_plan(plan_id)
    if plan.over or plan.version == 0:
        raise IllegalMove(f"Plan {plan.pk} is {plan.shown_status} and takes no feedback.", plan)
    actor = f"agent:{plan.agent_id}"
    say(plan, MessageKind.FEEDBACK, text)
    kind = "plans.feedback_sent"
    if plan.status == PlanStatus.REVISING:
        record(kind, plan.subject, actor=actor, run_id=plan.run_id, feedback=text)
    else:
        move(plan, PlanStatus.REVISING, kind=kind, actor=actor, feedback=text)
        answer_turns(plan, "feedback", actor=actor)
    return plan.version


@verb
def fail(plan_id: Any, error: str, text: str = "") -> str:
    """Give the plan up, with what the model said, to be read. The plan's status then."""
    plan = lock_plan(plan_id)
    if plan.status not in Plan.OVER:
        at, actor = now(), f"agent:{plan.agent_id}"
        about = describe_end(plan, at)
        changes = {
            "finished_at": at,
            "error": canonical.storable(error),
            "text": canonical.storable(text),
        }
        move(plan, PlanStatus.FAILED, kind="plans.failed", actor=actor, changes=changes, **about)
        answer_turns(plan, "moot", actor=actor)
    return str(plan.status)


def answer_turns(
    plan: Plan, outcome: str, *, actor: str, by: Any = None, text: str = "", but: str = ""
) -> None:
    """End every open turn of the plan, except those of the kind `but`."""
    for turn in plan.turns.filter(status=TurnStatus.PENDING).exclude(kind=but).order_by("pk"):
        answer_turn(turn, outcome, actor=actor, by=by, text=text)


def answer_turn(
    turn: PlanTurn, outcome: str, *, actor: str, by: Any = None, text: str = ""
) -> None:
    """End a turn; what waits for it goes on."""
    changes = {"outcome": outcome, "reviewer": by, "feedback": text, "resolved_at": now()}
    move(
        turn,
        TurnStatus.ANSWERED,
        kind="plans.answered",
        actor=actor,
        changes=changes,
        outcome=outcome,
        feedback=text,
    )


def record_asked(turn: PlanTurn) -> None:
    """Note in the log that it is the people's turn."""
    record(
        "plans.asked",
        turn.subject,
        actor=f"agent:{turn.agent_id}",
        run_id=turn.run_id,
        plan=turn.plan_id,
        turn=str(turn.kind),
        version=turn.version,
        step=turn.step,
    )
