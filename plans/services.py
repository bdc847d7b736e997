"""The people's verbs: edit, comment, answer, send feedback, accept, retry, stop.

Each takes the version that the page showed. The first commit wins: whoever comes second is told
so (AlreadyDecided), or that there is another version by now (Stale), and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from ledger import canonical, requests
from ledger.clock import now
from ledger.errors import AlreadyDecided, BadInput, NotAllowed, Refused
from ledger.people import user_named
from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import move, record, verb
from plans import figures, outcome, rules
from plans.asking import answer_turn, answer_turns, locked_plan, record_asked
from plans.difference import is_material
from plans.finding import locked_in, steps_of, turn_by_id, version_of
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
from plans.steps import AddStep, Change, SetStep, Step, changed, checked
from plans.versions import (
    Draft,
    in_new_version,
    namer,
    new_turn,
    remaining_risk,
    say,
    store_version,
)

MAX_FEEDBACK = 10_000  # characters
EDITABLE = (PlanStatus.AWAITING_FEEDBACK, *Plan.RUNS)
STOPPED = "The plan was stopped."
Words = Mapping[str, str]  # by what they are about: a question's id, or a step's
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
        raise outcome.busy(plan)
    _edit(plan, user, changes)
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
        raise outcome.busy(plan)
    check_words("feedback", feedback)
    given = _answers(plan, answers)
    _edit(plan, user, changes)
    _comment(plan, user, comments)
    if not (feedback.strip() or given or _said_since_agent(plan)):
        raise BadInput("feedback", "Say what should be different. Nothing was sent.")
    _take_down(plan, user, given, feedback)
    actor = actor_for(user)
    _move(plan, PlanStatus.REVISING, "plans.feedback_sent", actor, {}, feedback=feedback)
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
    given = _answers(plan, answers)
    _edit(plan, user, changes)
    _comment(plan, user, comments)
    _take_down(plan, user, given, feedback)
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
        about |= figures.when_accepted(plan)
    _move(plan, PlanStatus.ACCEPTED, "plans.accepted", actor, fields, **about)
    answer_turns(plan, "accept", actor=actor, by=user, text=feedback, but=TurnKind.INPUT)
    return plan


def _not_awaiting(plan: Plan) -> Refused:
    accepted = plan.versions.filter(accepted_at__isnull=False).order_by("-number").first()
    if plan.status in Plan.RUNS and accepted is not None and accepted.accepted_by is not None:
        who = accepted.accepted_by.get_full_name() or accepted.accepted_by.get_username()
        said = f"{who} was first: accepted, {accepted.accepted_at:%Y-%m-%d %H:%M:%S} UTC."
        return AlreadyDecided(said, plan)
    return outcome.busy(plan)


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
    about = figures.when_ended(plan, at)
    _move(
        plan,
        PlanStatus.STOPPED,
        "plans.stopped",
        actor,
        {"finished_at": at},
        **about,
        reason=reason,
    )
    answer_turns(plan, "stop", actor=actor, by=user, text=reason)
    if running and plan.run is not None:
        requests.cancel_open(plan.run, actor=actor, reason=STOPPED)
    return plan


@verb
def comment(plan_id: object, step_id: str, text: str, *, by: Any) -> Plan:
    """Say something about a step; the agent hears it with the next feedback, or when it runs."""
    plan, user = _may(plan_id, by, rules.no_part, None)
    check_words(f"talk-{step_id}", text, needed=True)
    _comment(plan, user, {step_id: text})
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
    user, plan = user_named(by), locked_plan(plan_id)
    reason = rule(plan, user)
    if reason is not None:
        raise NotAllowed(reason)
    if plan.over:
        raise outcome.ended(plan)
    if version is not None and version != plan.version:
        raise outcome.outdated(plan, version)
    return plan, user


def _turn(turn_id: object, by: Any, kind: TurnKind) -> tuple[PlanTurn, Plan, Any]:
    plan, user = _may(turn_by_id(turn_id).plan_id, by, rules.no_part, None)
    turn = turn_by_id(turn_id)  # under the plan's lock
    if turn.status != TurnStatus.PENDING or turn.kind != kind:
        raise outcome.answered(turn)
    return turn, plan, user


def check_words(field: str, text: object, needed: bool = False) -> None:
    """BadInput for words that are missing, too long or no text."""
    if not isinstance(text, str) or (needed and not text.strip()):
        raise BadInput(field, "Say something first. Nothing was sent.")
    if len(text) > MAX_FEEDBACK:
        raise BadInput(field, f"Longer than {MAX_FEEDBACK:,} characters. Nothing was sent.")
    canonical.canonical(text, field)


def _answers(plan: Plan, answers: Words | None) -> list[tuple[dict[str, str], str]]:
    """The answers that say something, with their questions; BadInput for one that is too long."""
    asked = {each["id"]: each for each in version_of(plan).questions} if answers else {}
    found = []
    for name, text in (answers or {}).items():
        check_words(f"answer-{name}", text)
        if text.strip() and name in asked:
            found.append((asked[name], text))
    return found


def _comment(plan: Plan, user: Any, comments: Words | None) -> None:
    for step_id, text in (comments or {}).items():
        check_words(f"talk-{step_id}", text)
        if not text.strip():
            continue
        step = next((one for one in steps_of(plan) if one.id == step_id), None)
        if step is None:
            raise BadInput(f"talk-{step_id}", "This step is not in the plan any more.")
        say(plan, MessageKind.COMMENT, text, author=user, step=step)
        actor = actor_for(user)
        record("plans.commented", plan.subject, actor=actor, run_id=plan.run_id, step=step_id)


def _take_down(
    plan: Plan, user: Any, answers: list[tuple[dict[str, str], str]], feedback: str
) -> None:
    for question, text in answers:
        last = plan.messages.filter(question=question["id"]).order_by("-pk").first()
        if last is None or last.text != text:
            say(plan, MessageKind.ANSWER, text, author=user, question=question)
    if feedback.strip():
        say(plan, MessageKind.FEEDBACK, feedback, author=user)


def _said_since_agent(plan: Plan) -> bool:
    """Whether people have changed or said anything about the agent's last version."""
    last = plan.versions.filter(author=None).order_by("-number").first()
    number = last.number if last else 0
    said = plan.messages.filter(version__gte=number, kind=MessageKind.COMMENT)
    return plan.version > number or said.exists()


def _edit(plan: Plan, user: Any, changes: Sequence[Change]) -> None:
    """Store the next version, if these changes make one, and move the plan as that asks for."""
    before, locked = steps_of(plan), locked_in(plan)
    steps, words = changed(before, [_checked(plan, each) for each in changes], locked, namer(plan))
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
    fields = in_new_version(plan, number, steps)
    to = PlanStatus(plan.status)
    if accepted and material:
        to = PlanStatus.AWAITING_FEEDBACK
    elif accepted:
        fields["accepted_version"] = number
    actor = actor_for(user)
    about: dict[str, Any] = {"version": number, "what": words, "material": material}
    _move(plan, to, "plans.edited", actor, fields, **about)
    _tell_turns(plan, user, asks_again=accepted and material)


def _checked(plan: Plan, change: Change) -> Change:
    if isinstance(change, SetStep):
        return SetStep(_step(plan, change.step))
    return AddStep(_step(plan, change.step)) if isinstance(change, AddStep) else change


def _step(plan: Plan, step: Step) -> Step:
    return checked(step, plan.actions, f"{step.id}-" if step.id else "")


def _tell_turns(plan: Plan, user: Any, asks_again: bool) -> None:
    """The open turn is about the new version; a failed step's is over when all is asked again."""
    if asks_again:
        actor = actor_for(user)
        answer_turns(plan, "edit", actor=actor, by=user, but=TurnKind.INPUT)
        record_asked(new_turn(plan, TurnKind.FEEDBACK))
        return
    risk = remaining_risk(plan)
    rows = plan.turns.filter(status=TurnStatus.PENDING)
    rows.update(version=plan.version, risk_level=risk, risk_rank=RiskLevel(risk).rank)


def _move(
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
        lost=lambda: outcome.outdated(plan, shown),
        **data,
    )
