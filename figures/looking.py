"""Events about reading before a decision, as pages tell it: a first look, and how they read.

A page tells it by itself (static/js/looked.js); nobody is asked, and nothing depends on it. It
is what the page says: a reader who wants to can make it say something else about themselves.
"""

from __future__ import annotations

import math
from collections.abc import Set as Kinds
from dataclasses import dataclass
from typing import Any

from ledger import patterns
from ledger.errors import BadInput, UnknownId, quoted
from ledger.models import Event
from ledger.runs import actor_for
from ledger.transitions import record, rows_for_update, verb

LONGEST = 7 * 24 * 3600.0  # seconds
MOST = 100_000_000  # characters


@dataclass(frozen=True)
class Reading:
    """How long a page was open and in sight, how much of it was seen (0…1), how long it is."""

    seconds: float
    seen: float
    characters: int

    @classmethod
    def checked(cls, seconds: float, seen: float, characters: int) -> Reading:
        """The reading, or BadInput."""
        if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST):
            raise BadInput("seconds", f"{quoted(seconds)} is no time on a page.")
        if not 0 <= seen <= 1:
            raise BadInput("seen", f"{quoted(seen)} is no share of a page.")
        if not 0 <= characters <= MOST:
            raise BadInput("characters", f"{quoted(characters)} is no length of a page.")
        return cls(round(seconds, 3), round(seen, 3), characters)


@verb
def note_look(subject: str, *, by: Any) -> bool:
    """Note the first look at an open question by somebody who may decide it; whether it was that."""
    pattern, request = _question(subject)
    if request.status != "pending" or pattern.refusal(request, by) is not None:
        return False
    return _record_once(pattern.events.looked, pattern.events.looks, request, by)


@verb
def read(subject: str, reading: Reading, *, by: Any) -> bool:
    """Note how this person read what they then decided; whether it was noted. Once a question."""
    pattern, request = _question(subject)
    if request.resolved_at is None or request.reviewer_id != by.pk:
        return False
    more = {"seconds": reading.seconds, "seen": reading.seen, "characters": reading.characters}
    return _record_once(pattern.events.read, {pattern.events.read}, request, by, **more)


def _question(subject: str) -> tuple[patterns.Pattern, Any]:
    """Its pattern, and the row, locked; or UnknownId."""
    label, _, key = subject.partition(":")
    if not patterns.is_known(label):
        raise UnknownId("question", subject)
    pattern = patterns.get(label)
    found = pattern.find_by_id(key)
    rows_for_update(pattern.model).get(pk=found.pk)  # two pages may tell it at once
    return pattern, found


def _record_once(kind: str, unless: Kinds[str], request: Any, by: Any, **data: Any) -> bool:
    subject = request.subject
    # By subject alone: it has few events.
    happened = Event.objects.filter(subject=subject).values_list("kind", flat=True)
    if any(each in unless for each in happened):
        return False
    record(kind, subject, actor=actor_for(by), run_id=request.run_id, **data)
    return True
