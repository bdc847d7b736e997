"""What the templates of runs ask about a run; nothing here knows who is reading."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.safestring import SafeString

from approvals import actions
from dashboard.runs.event_lines import named
from dashboard.runs.lines import Lesson
from dashboard.runs.timeline import Story, tell
from ledger.models import Run
from ledger.requests.models import HumanRequest
from pages.rendering.marks import hidden_count, mark
from plans.models import PlanTurn

register = template.Library()

# The page of each kind of question: a new kind is one line here.
PAGES = {
    "approvals.approvalrequest": "approvals:detail",
    "escalations.escalation": "escalations:detail",
    "reviews.reviewitem": "reviews:detail",
}
TITLE = 120  # characters of a task in a heading or a list


@register.simple_tag
def story(run: Run, whole: bool = False) -> Story:
    """The run as its page tells it: `{% story run as story %}`."""
    return tell(run, whole=whole)


@register.filter
def title(run: Run) -> SafeString:
    """The task as one line, cut where it is long; the run's page has it whole below."""
    return mark(short(run))


def short(run: Run) -> str:
    """The same as plain text."""
    line = " ".join(run.task.split()) or f"Work of {run.agent_id}"
    return line if len(line) <= TITLE else f"{line[:TITLE].rstrip()}…"


@register.filter
def needs_whole_task(run: Run) -> bool:
    """Whether the heading says less than the task."""
    return short(run) != run.task and bool(run.task.strip())


@register.filter
def hides(text: str) -> int:
    """How many characters hide in a text."""
    return hidden_count(text)


@register.filter
def name_of(user: User) -> str:
    """A person's name, or username."""
    return user.get_full_name() or user.get_username()


@register.filter
def page_of(asked: str | HumanRequest) -> str:
    """The address of the page of what was asked, given as its row or its subject."""
    if not isinstance(asked, str) and hasattr(asked, "get_absolute_url"):
        return str(asked.get_absolute_url())  # a turn of a plan stands on the plan's page
    label, _, pk = (asked if isinstance(asked, str) else asked.subject).partition(":")
    return reverse(PAGES[label], args=[int(pk)])


@register.filter
def called(asked: str | HumanRequest) -> str:
    """What was asked, in short, such as "approval 42"."""
    if isinstance(asked, PlanTurn):
        return f"plan {asked.plan_id}"
    return named(asked if isinstance(asked, str) else asked.subject)


@register.filter
def lesson_subject(lesson: Lesson) -> str:
    """The subject of what a lesson was taken from."""
    return f"{lesson.of}:{lesson.request_id}"


@register.filter
def is_group(value: Any) -> bool:
    """Whether a JSON value has names, so that it can be shown as a table."""
    return isinstance(value, dict) and bool(value)


@register.filter
def schema_of(name: str) -> dict[str, Any]:
    """The schema of an action's arguments; {} for one that is not registered here."""
    declared = actions.get(name)
    return declared.schema() if declared else {}


@register.filter
def as_json(value: Any) -> SafeString:
    """A JSON value for reading, with what hides in it marked."""
    if isinstance(value, str):
        return mark(value)
    return mark(json.dumps(value, ensure_ascii=False, indent=2))
