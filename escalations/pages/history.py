"""The history of an escalation, told from the log: oldest first, the deadline as the open end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from escalations.models import AttemptWas, Escalation, EscalationStatus
from ledger.models import Event
from pages.history import Entry, Names, name_actors, read_events, read_resumption, tell_alike

HANDED_OVER = "escalations.handed_over"
ENDS = (
    "escalations.answered",
    "escalations.dismissed",
    "escalations.handled",
    "escalations.expired",
    "escalations.cancelled",
)


def entries(escalation: Escalation) -> list[Entry]:
    """The lines for one escalation."""
    events = read_events(escalation.subject)
    events += read_resumption(escalation, events, ENDS)
    handed = {f"user:{event.payload.get('to')}" for event in events if event.kind == HANDED_OVER}
    names = name_actors(events, *handed)
    told = [
        _tell(event, names)
        for event in sorted(events, key=lambda event: event.id)
        if event.kind not in SILENT
    ]
    return [*told, *_open_end(escalation)]


def _tell(event: Event, names: Names) -> Entry:
    teller = TOLD.get(event.kind)
    return teller(event, event.payload, names) if teller else tell_alike(event, names)


def _open_end(escalation: Escalation) -> list[Entry]:
    if escalation.status != EscalationStatus.PENDING or escalation.deadline is None:
        return []
    if escalation.expired:
        return [Entry(escalation.deadline, "The deadline passed; nobody had answered", "quiet")]
    return [
        Entry(escalation.deadline, "The agent goes on as uncertain, if nobody answers", open=True)
    ]


# ---- Sentences, by the kind of event

Teller = Callable[[Event, dict[str, Any], Names], Entry]


def _tell_asked(event: Event, data: dict[str, Any], names: Names) -> Entry:
    return Entry(event.at, f"Asked by {names[event.actor]}", "wait", f"type {data.get('type', '')}")


def _tell_answered(event: Event, data: dict[str, Any], names: Names) -> Entry:
    more = "" if data.get("kept", True) else "not kept for similar questions"
    words = str(data.get("answer", ""))
    return Entry(event.at, f"Answered by {names[event.actor]}", "yes", more, words)


def _tell_dismissed(event: Event, data: dict[str, Any], names: Names) -> Entry:
    words = str(data.get("feedback", ""))
    return Entry(event.at, f"Dismissed by {names[event.actor]}", "quiet", words=words)


def _tell_handled(event: Event, data: dict[str, Any], names: Names) -> Entry:
    return Entry(event.at, f"Answered by the handler of {names[event.actor]}", "yes")


def _tell_handler_failed(event: Event, data: dict[str, Any], names: Names) -> Entry:
    what = f"The handler of {names[event.actor]} gave no answer"
    return Entry(event.at, what, "error", words=str(data.get("why", "")))


def _tell_expired(event: Event, data: dict[str, Any], names: Names) -> Entry:
    return Entry(event.at, "Expired; the agent goes on as uncertain", "quiet")


def _tell_cancelled(event: Event, data: dict[str, Any], names: Names) -> Entry:
    words = str(data.get("reason", ""))
    return Entry(event.at, f"Dismissed by {names[event.actor]}", "quiet", words=words)


def _tell_claimed(event: Event, data: dict[str, Any], names: Names) -> Entry:
    return Entry(event.at, f"Claimed by {names[event.actor]}", "wait")


def _tell_given_back(event: Event, data: dict[str, Any], names: Names) -> Entry:
    return Entry(event.at, f"Given back by {names[event.actor]}", "quiet")


def _tell_handed_over(event: Event, data: dict[str, Any], names: Names) -> Entry:
    to = names.get(f"user:{data.get('to')}", "")
    what = f"Handed over to {to} by {names[event.actor]}"
    return Entry(event.at, what, "revise", words=str(data.get("note", "")))


def _tell_marked(event: Event, data: dict[str, Any], names: Names) -> Entry:
    was = str(data.get("attempt_was", ""))
    word = AttemptWas(was).label.lower() if was in AttemptWas.values else was
    return Entry(event.at, f"{names[event.actor]} says the attempt was {word}", "quiet")


SILENT = {"escalations.read"}  # how it was read is between the reader and the statistics
TOLD: dict[str, Teller] = {
    "escalations.asked": _tell_asked,
    "escalations.answered": _tell_answered,
    "escalations.dismissed": _tell_dismissed,
    "escalations.handled": _tell_handled,
    "escalations.handler_failed": _tell_handler_failed,
    "escalations.expired": _tell_expired,
    "escalations.cancelled": _tell_cancelled,
    "escalations.claimed": _tell_claimed,
    "escalations.released": _tell_given_back,
    HANDED_OVER: _tell_handed_over,
    "escalations.marked": _tell_marked,
}
