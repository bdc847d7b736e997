"""Lines about escalations in a run's timeline."""

from __future__ import annotations

from typing import Any

from escalations.models import Escalation
from ledger.models import Event, JournalEntry
from pages.timeline import Known, Line, Timeline, decision, tell_question

PREVIEW = 240  # characters


def _question(line: Line, entry: JournalEntry, escalation: Escalation | None) -> Line:
    """The line of a question that was escalated."""
    preview = _preview(escalation) if escalation else ""
    title = "Question: not sure"
    return tell_question(line, entry, escalation, title, icon="life-buoy", preview=preview)


def _preview(escalation: Escalation) -> str:
    """The question on one line."""
    line = " ".join(escalation.question.split())
    return line if len(line) <= PREVIEW else f"{line[:PREVIEW]}…"


def _tell_handler_failed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(
        event.at,
        "medium",
        "bot",
        "The handler gave no answer; it goes to a person",
        problem=str(data.get("why", "")),
        request=known.requests.get(event.subject),
    )


def _tell_handed_over(event: Event, data: dict[str, Any], known: Known) -> Line:
    title = f"Handed over to {data.get('to', '')} by {known.name_actor(event.actor)}"
    said = str(data.get("note", ""))
    request = known.requests.get(event.subject)
    return Line(event.at, "quiet", "user-check", title, said=said, request=request)


TIMELINE = Timeline(
    events={
        "escalations.answered": decision("yes", "check", "answered"),
        "escalations.dismissed": decision("quiet", "ban", "dismissed"),
        "escalations.handled": decision("yes", "bot", "handled"),
        "escalations.expired": decision("quiet", "timer", "expired"),
        "escalations.cancelled": decision("quiet", "ban", "dismissed"),
        "escalations.handler_failed": _tell_handler_failed,
        "escalations.handed_over": _tell_handed_over,
    },
    question=_question,
)
