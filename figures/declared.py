"""The meaning of every pattern's events, by their kinds. Each pattern declares its own.

Whoever changes what is counted, or into which slots, raises RULES, and everything is counted anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ledger import patterns
from ledger.log.event_kinds import EventKinds

RULES = 3  # of counting; roll-ups made under others are thrown away


@dataclass(frozen=True)
class Declared:
    """The kinds of events of every pattern, looked up in the ways that counting needs."""

    patterns: Sequence[EventKinds]  # by their titles
    by_pattern: Mapping[str, EventKinds]
    by_kind: Mapping[str, EventKinds]
    asked: Mapping[str, EventKinds]
    looked: frozenset[str]
    sums: frozenset[str]

    @classmethod
    def by(cls, found: Sequence[EventKinds]) -> Declared:
        """Those of these patterns."""
        return cls(
            patterns=found,
            by_pattern={each.pattern: each for each in found},
            by_kind={kind: each for each in found for kind in each.kinds},
            asked={each.asked: each for each in found},
            looked=frozenset().union(*(each.looks for each in found)),
            sums=frozenset().union(*(each.sums for each in found)),
        )


@cache
def collect_declared() -> Declared:
    """What the installed patterns have registered. Django has started by the time anybody asks."""
    found = (pattern.events for pattern in patterns.list_patterns())
    return Declared.by(sorted(found, key=lambda each: each.title))
