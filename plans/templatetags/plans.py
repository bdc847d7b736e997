"""Template tags about plans; nothing here knows who is reading but `by_me`, on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.risk import RiskLevel
from pages.rendering.icons import icon
from pages.rendering.marks import mark
from plans.models import Plan, StepRun, StepStatus
from plans.pages.forms import Editor, TurnForm

register = template.Library()

LONGEST = 160  # characters of a goal in a list
MARKS = {
    "added": ("yes", "plus", "Added"),
    "changed": ("revise", "pencil-line", "Changed"),
    "moved": ("revise", "arrow-down", "Moved"),
}


@register.filter("in_words")
def spell_status(status: str) -> str:
    """A plan's status inside a sentence."""
    return status.replace("_", " ")


@register.filter
def short_goal(plan: Plan) -> SafeString:
    """The goal as one line, cut where it is long; the plan's page has it whole."""
    line = " ".join(plan.goal.split())
    return mark(line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()}…")


@register.filter
def try_status(found: StepRun, over: bool) -> str:
    """How a try at a step stands, as the look's tags call it; with the plan, it is over."""
    open_still = found.status in (StepStatus.WAITING, StepStatus.RUNNING)
    if over and open_still:
        return "stopped"
    return "step_input" if found.status == StepStatus.WAITING else str(found.status)


@register.simple_tag
def change_mark(kind: str, by_me: bool, author: User | None) -> SafeString:
    """The tag of a step that is not as it was: "Changed by the agent", "Added by you"."""
    css, name, word = MARKS[kind]
    who = "the agent"
    if author is not None:
        who = "you" if by_me else author.get_full_name() or author.get_username()
    return format_html(
        '<span class="status is-{}">{}{} by {}</span>', css, icon(name), word, mark(who)
    )


@register.filter
def result_words(result: Any) -> str:
    """What a step brought, in words: the model's, or what was done."""
    if not isinstance(result, Mapping):
        return str(result)
    done = [str(each.get("action", "")) for each in result.get("actions", [])]
    return str(result.get("said") or "") or f"Done: {', '.join(done)}"


@register.simple_tag
def editor_fields(editor: Editor, form: TurnForm) -> dict[str, Any]:
    """What the fields of an open step need besides their values."""
    names = ("title", "does", "actions", "asks", "risk")
    errors = {f"{name}_error": form.errors.get(f"{editor.id}-{name}", "") for name in names}
    wrong = form.errors.get(f"{editor.id}-title")
    return {
        **errors,
        "risks": RiskLevel.values,
        "focus": bool(wrong) or form.focus == f"{editor.id}-title",
    }
