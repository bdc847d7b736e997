"""Lines of a run's timeline that only the run's page has: with what its journal says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.runs.conversation import ModelCall
from ledger.models import JournalEntry
from pages.inbox.evidence import Evidence
from pages.timeline import Known, Line


@dataclass(frozen=True)
class Lesson:
    """An earlier answer that an agent was told of."""

    request_id: int
    text: str
    of: str = ""  # the table of what was answered

    @property
    def subject(self) -> str:
        """The subject of what it was taken from."""
        return f"{self.of}:{self.request_id}"


@dataclass(frozen=True)
class RunLine(Line):
    """A line with what the journal has about it."""

    entry: JournalEntry | None = None
    call: ModelCall | None = None
    arguments: Any = None  # of an action
    result: Any = None
    lessons: list[Lesson] = field(default_factory=list)
    evidence: Evidence | None = None
    before_restart: bool = False  # of a journal that "start again" has put aside


@dataclass(frozen=True)
class Journaled(Known):
    """What is known about a run from its journal, besides."""

    calls: Mapping[int, ModelCall]  # by journal entry
    attempts: Mapping[str, int]  # key of an action: its last attempt
    evidence: Evidence | None  # of the doubt that a person has to settle now
    doubted_at: int  # the event that tells of it
