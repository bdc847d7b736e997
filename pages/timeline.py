"""Lines of a run's timeline, and how a pattern tells of what a run asked and was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ledger.models import Event, JournalEntry, Run
from ledger.requests.models import HumanRequest

VERDICTS = {  # what a person says about a run in doubt
    "ran": "it ran",
    "did_not_run": "it did not run",
    "abandon": "abandon",
    "start_again": "start again",
}


@dataclass(frozen=True)
class Line:
    """One line. Texts are plain; those of agents and people are marked where they are shown."""

    at: datetime
    css: str  # colour: yes, no, revise, wait, quiet, medium, error; doubt is a box of its own
    icon: str
    title: str
    what: str = ""  # the name that follows, in mono
    key: str = ""
    took: timedelta | None = None
    note: str = ""  # in our words
    preview: str = ""  # one line about what was asked, made from the agent's arguments
    said: str = ""  # a person's words
    problem: str = ""  # why it failed
    request: HumanRequest | None = None  # what was asked, with a page of its own
    since: datetime | None = None  # it still lasts
    later: list[tuple[str, datetime]] = field(default_factory=list)  # what followed, and when


@dataclass(frozen=True)
class Known:
    """What a line about an event may be written from; read once for all of them."""

    run: Run
    requests: Mapping[str, Any]  # by subject
    people: Mapping[str, str]  # username: name
    asked_in: frozenset[str]  # subjects that a journal entry tells of
    delivered: Mapping[str, datetime]  # by subject
    call: Callable[[str], str]  # a subject in short, such as "approval 42"

    def name_actor(self, actor: str) -> str:
        """An actor of the log, in words."""
        kind, _, name = actor.partition(":")
        if kind == "user":
            return self.people.get(name, name)
        words = {
            "runner": "runner",
            "rule": "the rule of the gate",
            "agent": "agent",
            "handler": "the handler of",
        }
        if kind in words:
            return f"{words[kind]} {name}"
        return {"deadline": "the deadline", "system": "the system"}.get(kind, actor)


# The line of an event, from what it says and what is known; None where another line tells it.
Teller = Callable[[Event, dict[str, Any], Known], Line | None]


def tell_question(
    line: Line, entry: JournalEntry, request: Any, title: str = "Question", **more: Any
) -> Line:
    """The usual line of a journal entry that asked something."""
    waits = getattr(request, "shown_status", "") == "pending"
    given_up = (entry.result or {}).get("given_up")
    usual: dict[str, Any] = {
        "css": "wait" if waits else "yes",
        "title": title,
        "what": entry.name,
        "took": None,  # the wait has a line of its own
        "request": request,
        "preview": getattr(request, "preview", ""),
        "note": "the agent stopped waiting for it" if given_up else line.note,
    }
    return replace(line, **usual | more)


@dataclass(frozen=True)
class Timeline:
    """How a run's timeline tells of one pattern."""

    events: Mapping[str, Teller] = field(default_factory=dict)  # by their kind
    question: Callable[[Line, JournalEntry, Any], Line] = (
        tell_question  # an entry that asked, a row
    )
    told_once: bool = False  # whether a run looks at one question again and again
    readings: Mapping[str, Callable[[Line, JournalEntry], Line]] = field(
        default_factory=dict  # of journal entries by what their names begin with
    )


def decision(css: str, icon: str, word: str) -> Teller:
    """The usual line of an event by which a question ends: "Decided: approved by Rita"."""

    def tell(event: Event, data: dict[str, Any], known: Known) -> Line:
        delivered = known.delivered.get(event.subject)
        title = f"Decided: {word} by {known.name_actor(event.actor)}"
        if event.kind.endswith(".cancelled"):
            title = f"Question cancelled by {known.name_actor(event.actor)}"
        return Line(
            event.at,
            css,
            icon,
            title,
            key=known.call(event.subject),
            request=known.requests.get(event.subject),
            said=str(data.get("answer") or data.get("feedback") or data.get("reason") or ""),
            later=[("delivered", delivered)] if delivered else [],
        )

    return tell
