"""The people's verbs: edit, comment, answer, send feedback, accept, retry, stop.

Each takes the version that the page showed. The first commit wins: whoever comes second is told
so (AlreadyDecided), or that there is another version by now (Stale), and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ledger.accounts.people import user_named
from ledger.clock import now
from ledger.errors import AlreadyDecided, BadInput, NotAllowed, Refused
from ledger.requests import cancelling
from ledger.runs import actor_for
from ledger.transitions import record, verb
from plans import figures, outcome, rules
from plans.asking import answer_turn, answer_turns, lock_plan
from plans.lookup import find_turn_by_id, steps_of
from plans.models import (
    MessageKind,
    Plan,
    PlanStatus,
    PlanTurn,
    PlanVersion,
    StepStatus,
    TurnKind,
    TurnStatus,
)
from plans.talk import Words, check_answers, check_words, comment_on, has_news_for_agent, take_down
from plans.versions.editing import change_steps, move_shown
from plans.versions.steps import Change
from plans.versions.storing import say

EDITABLE = (PlanStatus.AWAITING_FEEDBACK, *Plan.RUNS)
STOPPED = "The plan was stopped."
Rule = Callable[[Plan, Any], str | None]


@verb
def edit(
    plan_id: object, changes: Sequence[Change], *, by: Any, version: int | None = None
) -> Plan:
    """Change steps: the next version, by this person. No change makes no version.

    After an acceptance a change of wording counts at once, and anything more asks for acceptance
    again. Raises UnknownId, NotAllowed, AlreadyDecided, Stale, or BadInput for what is locked,
    gone or wrong.
    """
    plan, user = _may(plan_id, by, rules.no_part, version)
    if plan.status not in EDITABLE:
        raise outcome.explain_busy(plan)
    change_steps(plan, user, changes)
    return plan


@verb
def send_feedback(
    plan_id: object,
    *,
    by: Any,
    feedback: str = "",
    answers: Words | None = None,
    comments: Words | None = None,
    changes: Sequence[Change] = (),
    version: int | None = None,
) -> Plan:
    """Have the agent make another version that heeds feedback, answers and changes.

    Possible also while the plan is carried out: the steps that are not begun are revised then.
    Raises as edit() does, and BadInput when nothing is said.
    """
    plan, user = _may(plan_id, by, rules.no_part, version)
    if plan.status not in EDITABLE:
        raise outcome.explain_busy(plan)
    check_words("feedback", feedback)
    given = check_answers(plan, answers)
    change_steps(plan, user, changes)
    comment_on(plan, user, comments)
    if not (feedback.strip() or given or has_news_for_agent(plan)):
        raise BadInput("feedback", "Say what should be different. Nothing was sent.")
    take_down(plan, user, given, feedback)
    actor = actor_for(user)
    move_shown(plan, PlanStatus.REVISING, "plans.feedback_sent", actor, {}, feedback=feedback)
    answer_turns(plan, "feedback", actor=actor, by=user, text=feedback, but=TurnKind.INPUT)
    return plan


@verb
def accept(
    plan_id: object,
    *,
    by: Any,
    feedback: str = "",
    answers: Words | None = None,
    comments: Words | None = None,
    changes: Sequence[Change] = (),
    version: int | None = None,
) -> Plan:
    """Let the steps run as this version has them, with answers and words for the way.

    `changes` become a version first, and that one is accepted. Raises as edit() does; NotAllowed
    also for whoever asked for the run and for the agent's owner.
    """
    plan, user = _may(plan_id, by, rules.no_acceptance, version)
    if plan.status != PlanStatus.AWAITING_FEEDBACK:
        raise _not_awaiting(plan)
    check_words("feedback", feedback)
    given = check_answers(plan, answers)
    change_steps(plan, user, changes)
    comment_on(plan, user, comments)
    take_down(plan, user, given, feedback)
    at, actor = now(), actor_for(user)
    PlanVersion.objects.filter(plan=plan, number=plan.version).update(
        accepted_at=at, accepted_by=user
    )
    fields = {
        "accepted_version": plan.version,
        "first_accepted_at": plan.first_accepted_at or at,
    }
    about: dict[str, Any] = {"version": plan.version}
    if plan.first_accepted_at is None:
        about |= figures.describe_acceptance(plan)
    move_shown(plan, PlanStatus.ACCEPTED, "plans.accepted", actor, fields, **about)
    answer_turns(plan, "accept", actor=actor, by=user, text=feedback, but=TurnKind.INPUT)
    return plan


def _not_awaiting(plan: Plan) -> Refused:
    accepted = plan.versions.filter(accepted_at__isnull=False).order_by("-number").first()
    if plan.status in Plan.RUNS and accepted is not None and accepted.accepted_by is not None:
        who = accepted.accepted_by.get_full_name() or accepted.accepted_by.get_username()
        said = f"{who} was first: accepted, {accepted.accepted_at:%Y-%m-%d %H:%M:%S} UTC."
        return AlreadyDecided(said, plan)
    return outcome.explain_busy(plan)


@verb
def stop(plan_id: object, *, by: Any, reason: str = "") -> Plan:
    """Stop the plan, whatever its version: no further step begins.

    A step that runs at this moment comes to its end, but what it asks people is taken back.
    """
    plan, user = _may(plan_id, by, rules.no_stop, None)
    check_words("feedback", reason)
    actor = actor_for(user)
    running = plan.tries.filter(status__in=[StepStatus.RUNNING, StepStatus.WAITING]).exists()
    if reason.strip():
        say(plan, MessageKind.FEEDBACK, reason, author=user)
    at = now()
    fields, about = {"finished_at": at}, figures.describe_end(plan, at)
    move_shown(plan, PlanStatus.STOPPED, "plans.stopped", actor, fields, **about, reason=reason)
    answer_turns(plan, "stop", actor=actor, by=user, text=reason)
    if running and plan.run is not None:
        cancelling.cancel_open(plan.run, actor=actor, reason=STOPPED)
    return plan


@verb
def comment(plan_id: object, step_id: str, text: str, *, by: Any) -> Plan:
    """Say something about a step; the agent hears it with the next feedback, or when it runs."""
    plan, user = _may(plan_id, by, rules.no_part, None)
    check_words(f"talk-{step_id}", text, needed=True)
    comment_on(plan, user, {step_id: text})
    return plan


@verb
def give_input(turn_id: object, text: str, *, by: Any) -> PlanTurn:
    """Answer what a step had asked for; the step runs with these words."""
    turn, plan, user = _turn(turn_id, by, TurnKind.INPUT)
    check_words("input", text, needed=True)
    step = next(one for one in steps_of(plan) if one.id == turn.step)
    say(plan, MessageKind.INPUT, text, author=user, step=step)
    answer_turn(turn, "input", actor=actor_for(user), by=user, text=text)
    return turn


@verb
def retry(turn_id: object, *, by: Any, text: str = "") -> PlanTurn:
    """Have a failed step tried once more, with words for it if there are any."""
    turn, plan, user = _turn(turn_id, by, TurnKind.FAILED)
    check_words("input", text)
    step = next((one for one in steps_of(plan) if one.id == turn.step), None)
    if text.strip():
        say(plan, MessageKind.INPUT, text, author=user, step=step)
    actor = actor_for(user)
    record("plans.step_retried", plan.subject, actor=actor, run_id=plan.run_id, step=turn.step)
    answer_turn(turn, "retry", actor=actor, by=user, text=text)
    return turn


# ---- What they have in common


def _may(plan_id: object, by: Any, rule: Rule, version: int | None) -> tuple[Plan, Any]:
    """The plan and the user; NotAllowed before anything else is said about the plan."""
    user, plan = user_named(by), lock_plan(plan_id)
    reason = rule(plan, user)
    if reason is not None:
        raise NotAllowed(reason)
    if plan.over:
        raise outcome.explain_ended(plan)
    if version is not None and version != plan.version:
        raise outcome.explain_outdated(plan, version)
    return plan, user


def _turn(turn_id: object, by: Any, kind: TurnKind) -> tuple[PlanTurn, Plan, Any]:
    plan, user = _may(find_turn_by_id(turn_id).plan_id, by, rules.no_part, None)
    turn = find_turn_by_id(turn_id)  # under the plan's lock
    if turn.status != TurnStatus.PENDING or turn.kind != kind:
        raise outcome.explain_answered(turn)
    return turn, plan, user
