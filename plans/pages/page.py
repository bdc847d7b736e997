"""The context of the page of one plan, for one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from ledger import patterns
from ledger.requests.checks import FEEDBACK
from ledger.requests.models import HumanRequest
from plans import figures, rules
from plans.lookup import BEGUN, steps_of, tries_of
from plans.models import (
    MessageKind,
    Plan,
    PlanMessage,
    PlanStatus,
    PlanTurn,
    PlanVersion,
    StepRun,
    StepStatus,
    TurnKind,
)
from plans.pages.forms import Editor, TurnForm
from plans.services import EDITABLE
from plans.versions.difference import StepChange, difference
from plans.versions.steps import MAX_TITLE, Step


@dataclass(frozen=True)
class StepRow:
    """One step as the page has it."""

    position: int
    step: Step
    found: StepRun | None  # the last try at it
    locked: bool
    kind: str  # since the version it is compared with: added, changed, moved or same
    editor: Editor | None
    comment: str | None  # what stands in the field for a comment, if that is open
    comments: list[PlanMessage]
    acts: list[dict[str, Any]]  # the buttons beside it
    talk_error: str
    talk_focus: bool

    @property
    def has_input(self) -> bool:
        return self.found is not None and self.found.human_input is not None


def _acts(step: Step, position: int, free: list[str], form: TurnForm) -> list[dict[str, Any]]:
    """Up, down, edit, delete; what cannot be pressed stands there all the same."""
    buttons = [
        ("up", "arrow-up", f"Move step {position} up", step.id not in free[1:]),
        ("down", "arrow-down", f"Move step {position} down", step.id not in free[:-1]),
        ("edit", "pencil-line", f"Edit step {position}", False),
        ("delete", "trash-2", f"Delete step {position}", False),
    ]
    return [
        {
            "do": do,
            "icon": icon,
            "label": label,
            "closed": closed,
            "focus": form.focus == f"{do}-{step.id}",
        }
        for do, icon, label, closed in buttons
    ]


def context(plan: Plan, user: User, form: TurnForm, **more: Any) -> dict[str, Any]:
    """The template's variables. `more`: `cursor`, and in answers `banner` and `toast`."""
    versions = list(plan.versions.select_related("author", "accepted_by").order_by("-number"))
    current = versions[0] if versions else None
    turn = find_pending_turn(plan)
    steps = steps_of(plan)
    rows = step_rows(plan, steps, versions, form)
    status = plan.shown_status
    return {
        "plan": plan,
        "status": status,
        "over": plan.over,
        "current": current,
        "versions": versions,
        "rows": rows,
        "new_editors": [one for one in form.editors.values() if one.is_new],
        "lost": find_orphaned(form, rows),
        "by_me": current is not None and current.author_id == user.pk,
        "turn": turn,
        "asks_input": turn is not None and turn.kind in (TurnKind.INPUT, TurnKind.FAILED),
        "questions": _questions(plan, current, form),
        "asks_again": status == PlanStatus.AWAITING_FEEDBACK and plan.accepted_version,
        "editable": not plan.over and plan.status in EDITABLE,
        "no_part": rules.no_part(plan, user),
        "no_acceptance": rules.no_acceptance(plan, user),
        "no_stop": rules.no_stop(plan, user),
        "form": form,
        "max_title": MAX_TITLE,
        "max_feedback": FEEDBACK,
        "elsewhere": elsewhere(plan),
        **build_shared(plan),
        **more,
    }


def find_pending_turn(plan: Plan) -> PlanTurn | None:
    """The turn that the page of that plan offers to people."""
    return plan.turns.filter(status="pending").order_by("-kind", "pk").first()


def build_shared(plan: Plan) -> dict[str, Any]:
    """What the page and the frames of the socket show alike."""
    versions = list(plan.versions.select_related("author", "accepted_by").order_by("-number"))
    tries = tries_of(plan)
    steps = steps_of(plan)
    done = [
        str(n)
        for n, step in enumerate(steps, start=1)
        if step.id in tries and tries[step.id].status == StepStatus.DONE
    ]
    return {
        "plan": plan,
        "status": plan.shown_status,
        "versions": versions,
        "current": versions[0] if versions else None,
        "messages_said": list(plan.messages.select_related("author").order_by("pk")),
        "finished": done,
        "number_of_steps": len(steps),
        "figures": figures.read_figures(plan),
    }


def step_rows(
    plan: Plan, steps: Sequence[Step], versions: Sequence[PlanVersion], form: TurnForm
) -> list[StepRow]:
    """The steps of the current version with what became of each."""
    tries, kinds = tries_of(plan), _kinds(plan, steps, versions)
    locked = {one for one, found in tries.items() if found.status in BEGUN}
    free = [step.id for step in steps if step.id not in locked]
    said: dict[str, list[PlanMessage]] = {}
    for message in plan.messages.filter(kind=MessageKind.COMMENT).select_related("author"):
        said.setdefault(message.step, []).append(message)
    return [
        StepRow(
            position=position,
            step=step,
            found=tries.get(step.id),
            locked=step.id in locked,
            kind=kinds.get(step.id, "same"),
            editor=form.editors.get(step.id) if step.id not in locked else None,
            comment=form.comments.get(step.id),
            comments=said.get(step.id, []),
            acts=_acts(step, position, free, form),
            talk_error=form.errors.get(f"talk-{step.id}", ""),
            talk_focus=form.focus == f"talk-{step.id}",
        )
        for position, step in enumerate(steps, start=1)
    ]


def _kinds(plan: Plan, steps: Sequence[Step], versions: Sequence[PlanVersion]) -> Mapping[str, str]:
    """What is different since the other side had it: the agent's last version, or the one before."""
    base = choose_base(versions)
    if base is None:
        return {}
    return {each.step.id: each.kind for each in difference(steps_of(plan, base), steps)}


def choose_base(versions: Sequence[PlanVersion]) -> int | None:
    """The version that the marks at the steps are about; `versions` newest first."""
    if len(versions) < 2:
        return None
    if versions[0].author_id is None:
        return versions[1].number
    return next((one.number for one in versions if one.author_id is None), versions[1].number)


def find_orphaned(form: TurnForm, rows: Sequence[StepRow]) -> list[Editor]:
    """Open editors whose steps are gone or locked by now: their texts are shown to be copied."""
    there = {row.step.id for row in rows if not row.locked}
    return [one for one in form.editors.values() if not one.is_new and one.id not in there]


def _questions(plan: Plan, current: PlanVersion | None, form: TurnForm) -> list[dict[str, Any]]:
    """The questions with what is typed, or else was answered last."""
    if current is None:
        return []
    given = {
        message.question: message
        for message in plan.messages.filter(kind=MessageKind.ANSWER).order_by("pk")
    }
    found = []
    for each in current.questions:
        answered = given.get(each["id"])
        kept = form.answers.get(each["id"], answered.text if answered else "")
        error = form.errors.get(f"answer-{each['id']}", "")
        found.append({**each, "value": kept, "error": error, "answered": answered})
    return found


def elsewhere(plan: Plan) -> list[dict[str, str]]:
    """What else the run asks people at this moment, such as an action at its gate."""
    if plan.run is None:
        return []
    found = []
    for pattern in patterns.list_patterns():
        if pattern.model is not PlanTurn:
            rows = pattern.model.objects.open().filter(run=plan.run)
            found += [{"name": _name(row), "address": _address(row)} for row in rows]
    return found


def _name(request: HumanRequest) -> str:
    return f"{request._meta.verbose_name} {request.pk}"


def _address(request: HumanRequest) -> str:
    return reverse(f"{request._meta.app_label}:detail", args=[request.pk])


def comparison(plan: Plan, before: int, after: int) -> list[StepChange]:
    """Every step of either version."""
    return difference(steps_of(plan, before), steps_of(plan, after))
