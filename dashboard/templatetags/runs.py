"""Template tags about one run; nothing here knows who is reading."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from dashboard.runs.timeline import Story, tell
from ledger.models import Run
from pages.rendering.marks import mark

register = template.Library()

TITLE = 120  # characters of a task in a heading or a list


@register.simple_tag
def story(run: Run, whole: bool = False) -> Story:
    """The run as its page tells it: `{% story run as story %}`."""
    return tell(run, whole=whole)


@register.filter
def title(run: Run) -> SafeString:
    """The task as one line, cut where it is long; the run's page has it whole below."""
    return mark(_short(run))


def _short(run: Run) -> str:
    line = " ".join(run.task.split()) or f"Work of {run.agent_id}"
    return line if len(line) <= TITLE else f"{line[:TITLE].rstrip()}…"


@register.filter
def needs_whole_task(run: Run) -> bool:
    """Whether the heading says less than the task."""
    return _short(run) != run.task and bool(run.task.strip())
