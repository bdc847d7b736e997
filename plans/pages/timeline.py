"""Lines about a plan in its run's timeline: what the run wrote, asked, and was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ledger.models import Event, JournalEntry
from pages.timeline import Known, Line, Timeline
from plans.models import PlanTurn

TITLES = {
    "plan begun": "Plan begun",
    "plan shown": "Plan put before people",
    "plan feedback": "Feedback taken up",
    "plan step done": "Step of the plan done",
    "plan failed": "Plan given up",
    "plan report": "Plan over",
}
NEXT = {
    "propose": "Plan: to be drawn up",
    "ask": "Plan: it is the people's turn",
    "revise": "Plan: to be revised",
    "input": "Plan: a step needs a person",
    "end": "Plan: nothing is left to do",
}
OUTCOMES = {
    "feedback": ("revise", "send", "Feedback on the plan"),
    "accept": ("yes", "check", "Plan accepted"),
    "stop": ("quiet", "ban", "Plan stopped"),
    "input": ("yes", "send", "Input for a step"),
    "retry": ("revise", "rotate-ccw", "Step tried again"),
    "edit": ("revise", "pencil-line", "Plan changed"),
}
COLOURS = {"pending": "wait", "answered": "yes", "cancelled": "quiet"}


def _tell_written(line: Line, entry: JournalEntry) -> Line:
    """The line of an entry by which a run wrote to its plan."""
    title, what = TITLES.get(entry.name, entry.name.capitalize()), ""
    if entry.name == "plan next" and isinstance(entry.result, Mapping):
        title, what = _tell_next(entry.result)
    return replace(line, css="quiet", icon="list-checks", title=title, what=what)


def _tell_next(result: Mapping[str, Any]) -> tuple[str, str]:
    if result.get("do") == "step":
        step = result.get("step") or {}
        return "Step of the plan begun", str(step.get("title", ""))
    return NEXT.get(str(result.get("do")), "Plan"), ""


def _tell_question(line: Line, entry: JournalEntry, turn: PlanTurn | None) -> Line:
    """The line of a question that is a turn of the people's with a plan."""
    if turn is None or turn.outcome == "moot":
        return replace(line, css="quiet", icon="list-checks", title="Plan: people were faster")
    return replace(
        line,
        css=COLOURS[turn.status],
        icon="list-checks",
        title=f"Plan: {turn.preview}",
        took=None,
        request=turn,
        note="taken back" if turn.status == "cancelled" else line.note,
    )


def _tell_answered(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    outcome = str(data.get("outcome", ""))
    if outcome not in OUTCOMES or not event.actor.startswith("user:"):
        return None
    css, icon, title = OUTCOMES[outcome]
    return Line(
        event.at,
        css,
        icon,
        f"{title} by {known.name_actor(event.actor)}",
        request=known.requests.get(event.subject),
        said=str(data.get("feedback", "")),
    )


def _tell_edited(event: Event, data: dict[str, Any], known: Known) -> Line:
    title = f"Plan changed by {known.name_actor(event.actor)}"
    return Line(event.at, "revise", "pencil-line", title, note="; ".join(data.get("what", [])))


TIMELINE = Timeline(
    events={"plans.answered": _tell_answered, "plans.edited": _tell_edited},
    question=_tell_question,
    told_once=True,  # a run looks again at the turn that it waits for
    readings={"plan ": _tell_written},
)
