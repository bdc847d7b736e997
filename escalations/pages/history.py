"""What happened to an escalation, told from the log: oldest first, the deadline as the open end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from escalations.models import AttemptWas, Escalation, EscalationStatus
from ledger.models import Event
from ledger.requests.refusals import name_of

MOST = 300  # events; an escalation has about five
ENDS = (
    "escalations.answered",
    "escalations.dismissed",
    "escalations.handled",
    "escalations.expired",
    "escalations.cancelled",
)


@dataclass(frozen=True)
class Entry:
    """One line. `words` is what a person or a program wrote."""

    at: datetime | None
    what: str
    kind: str = ""  # the look's colour: "wait", "yes", …
    more: str = ""
    words: str = ""
    open: bool = False  # has not happened yet


def entries(escalation: Escalation) -> list[Entry]:
    """The lines for one escalation."""
    events = list(Event.objects.filter(subject=escalation.subject).order_by("id")[:MOST])
    events += _resumed(escalation, events)
    people = _people(events)
    found = [
        TOLD.get(event.kind, _other)(event, event.payload, people)
        for event in sorted(events, key=lambda event: event.id)
        if event.kind not in SILENT
    ]
    return [*found, *_open_end(escalation)]


def _resumed(escalation: Escalation, events: list[Event]) -> list[Event]:
    """The run's first resuming after the end: it belongs to this story."""
    ended = [event.id for event in events if event.kind in ENDS]
    if escalation.run_id is None or not ended:
        return []
    later = Event.objects.filter(run_id=escalation.run_id, kind="runs.resumed", id__gt=ended[-1])
    return list(later.order_by("id")[:1])


def _open_end(escalation: Escalation) -> list[Entry]:
    if escalation.status != EscalationStatus.PENDING or escalation.deadline is None:
        return []
    if escalation.expired:
        return [Entry(escalation.deadline, "The deadline passed; nobody had answered", "quiet")]
    return [
        Entry(escalation.deadline, "The agent goes on as uncertain, if nobody answers", open=True)
    ]


class People:
    """Names by username, for the people in these events."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def named(self, username: str) -> str:
        return self._names.get(username, username)

    def who(self, event: Event) -> str:
        """Who did it, as a name."""
        kind, _, name = event.actor.partition(":")
        return self.named(name) if kind == "user" else name or kind


def _people(events: list[Event]) -> People:
    names = {event.actor.removeprefix("user:") for event in events if event.actor[:5] == "user:"}
    names |= {
        str(event.payload.get("to")) for event in events if event.kind.endswith("handed_over")
    }
    found = User.objects.filter(username__in=names) if names else []
    return People({user.get_username(): name_of(user) for user in found})


# ---- Sentences, by the kind of event

Teller = Callable[[Event, dict[str, Any], People], Entry]


def _asked(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Asked by {people.who(event)}", "wait", f"type {data.get('type', '')}")


def _answered(event: Event, data: dict[str, Any], people: People) -> Entry:
    more = "" if data.get("kept", True) else "not kept for similar questions"
    words = str(data.get("answer", ""))
    return Entry(event.at, f"Answered by {people.who(event)}", "yes", more, words)


def _dismissed(event: Event, data: dict[str, Any], people: People) -> Entry:
    words = str(data.get("feedback", ""))
    return Entry(event.at, f"Dismissed by {people.who(event)}", "quiet", words=words)


def _handled(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Answered by the handler of {people.who(event)}", "yes")


def _handler_failed(event: Event, data: dict[str, Any], people: People) -> Entry:
    what = f"The handler of {people.who(event)} gave no answer"
    return Entry(event.at, what, "error", words=str(data.get("why", "")))


def _expired(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, "Expired; the agent goes on as uncertain", "quiet")


def _cancelled(event: Event, data: dict[str, Any], people: People) -> Entry:
    words = str(data.get("reason", ""))
    return Entry(event.at, f"Dismissed by {people.who(event)}", "quiet", words=words)


def _claimed(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Claimed by {people.who(event)}", "wait")


def _given_back(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Given back by {people.who(event)}", "quiet")


def _handed_over(event: Event, data: dict[str, Any], people: People) -> Entry:
    to = people.named(str(data.get("to", "")))
    what = f"Handed over to {to} by {people.who(event)}"
    return Entry(event.at, what, "revise", words=str(data.get("note", "")))


def _marked(event: Event, data: dict[str, Any], people: People) -> Entry:
    was = str(data.get("attempt_was", ""))
    word = AttemptWas(was).label.lower() if was in AttemptWas.values else was
    return Entry(event.at, f"{people.who(event)} says the attempt was {word}", "quiet")


def _looked(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"First looked at by {people.who(event)}", "quiet")


def _shortened(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Deadline shortened by {people.who(event)}", "quiet")


def _delivered(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Delivered to {people.who(event)}")


def _went_on(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, f"Run resumed on {people.who(event)}")


def _other(event: Event, data: dict[str, Any], people: People) -> Entry:
    return Entry(event.at, event.kind.replace(".", " ").replace("_", " "), "quiet")


SILENT = {"escalations.read"}  # how it was read is between the reader and the statistics
TOLD: dict[str, Teller] = {
    "escalations.asked": _asked,
    "escalations.answered": _answered,
    "escalations.dismissed": _dismissed,
    "escalations.handled": _handled,
    "escalations.handler_failed": _handler_failed,
    "escalations.expired": _expired,
    "escalations.cancelled": _cancelled,
    "escalations.claimed": _claimed,
    "escalations.released": _given_back,
    "escalations.handed_over": _handed_over,
    "escalations.marked": _marked,
    "escalations.deadline_shortened": _shortened,
    "escalations.looked": _looked,
    "escalations.delivered": _delivered,
    "runs.resumed": _went_on,
}
