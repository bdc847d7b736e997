"""What one line of a run's timeline says, and what is known about the run when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dashboard.runs.conversation import ModelCall
from dashboard.runs.evidence import Evidence
from ledger.models import JournalEntry, Run
from ledger.requests.models import HumanRequest


@dataclass(frozen=True)
class Lesson:
    """An earlier answer that an agent was told of."""

    request_id: int
    text: str
    of: str = ""  # the table of what was answered


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
    entry: JournalEntry | None = None
    call: ModelCall | None = None
    arguments: Any = None  # of an action
    result: Any = None
    lessons: list[Lesson] = field(default_factory=list)
    evidence: Evidence | None = None
    since: datetime | None = None  # it still lasts
    later: list[tuple[str, datetime]] = field(default_factory=list)  # what followed, and when
    before_restart: bool = False  # of a journal that "start again" has put aside


@dataclass(frozen=True)
class Known:
    """Everything a line may be written from; read once for all of them."""

    run: Run
    requests: Mapping[str, Any]  # by subject
    people: Mapping[str, str]  # username: name
    calls: Mapping[int, ModelCall]  # by journal entry
    asked_in: frozenset[str]  # subjects that a journal entry tells of
    attempts: Mapping[str, int]  # key of an action: its last attempt
    edited: frozenset[int]  # requests in whose place a reviewer wrote another
    evidence: Evidence | None  # of the doubt that a person has to settle now
    doubted_at: int  # the event that tells of it

    def who(self, actor: str) -> str:
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
