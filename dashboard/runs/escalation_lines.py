"""The words for escalations in a run's timeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dashboard.runs.lines import Known, Line
from escalations.models import Escalation
from ledger.models import Event, JournalEntry

DECISIONS = {
    "escalations.answered": ("yes", "check", "answered"),
    "escalations.dismissed": ("quiet", "ban", "dismissed"),
    "escalations.handled": ("yes", "bot", "handled"),
    "escalations.expired": ("quiet", "timer", "expired"),
    "escalations.cancelled": ("quiet", "ban", "dismissed"),
}
PREVIEW = 240  # characters


def asked(line: Line, entry: JournalEntry, escalation: Escalation) -> Line:
    """The line of a question that was escalated."""
    return replace(
        line,
        title="Question: not sure",
        icon="life-buoy",
        preview=preview(escalation),
    )


def preview(escalation: Escalation) -> str:
    """The question on one line."""
    line = " ".join(escalation.question.split())
    return line if len(line) <= PREVIEW else f"{line[:PREVIEW]}…"


def handler_failed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(
        event.at,
        "medium",
        "bot",
        "The handler gave no answer; it goes to a person",
        problem=str(data.get("why", "")),
        request=known.requests.get(event.subject),
    )


def handed_over(event: Event, data: dict[str, Any], known: Known) -> Line:
    title = f"Handed over to {data.get('to', '')} by {known.who(event.actor)}"
    said = str(data.get("note", ""))
    request = known.requests.get(event.subject)
    return Line(event.at, "quiet", "user-check", title, said=said, request=request)


WRITERS = {
    "escalations.handler_failed": handler_failed,
    "escalations.handed_over": handed_over,
}
