"""The kinds of a pattern's events, for whoever counts: asked, looked at, decided and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Data = Mapping[str, Any]


def _keep_outcome(kind: str, data: Data, outcome: str) -> str:
    return outcome


@dataclass(frozen=True)
class EventKinds:
    """The kinds of events of one pattern; a pattern registers them with itself (patterns.py).

    `outcomes`: the column that counts a decision, by its kind. It is the outcome when a person
    decided; one by the deadline counts as timed out, one by a rule or a program as automatic.
    `sums`: the columns to which an event of that kind adds the numbers that its `figures` say, if
    it says any; its `agent` says of whom they are.
    """

    pattern: str  # the name of its app
    title: str
    needs: str  # the permission of those who may see it
    asked: str
    looked: str
    read: str
    outcomes: Mapping[str, str]
    cancelled: str
    judges: bool = True  # whether decisions say yes or no, so that there is a share of yes
    answers: bool = False  # whether there are decisions that answer something
    type_in: str = ""  # the field of `asked` that says of which type it is
    risk_in: str = ""
    also_looked: frozenset[str] = frozenset()  # what else shows that a person has it in sight
    sums: Mapping[str, Sequence[str]] = field(default_factory=dict)
    corrected: Callable[[str, Data, str], str] = field(default=_keep_outcome)

    @property
    def looks(self) -> frozenset[str]:
        """The events of which the first one is the first look."""
        return frozenset({self.looked, *self.also_looked})

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds of events that count."""
        return frozenset({*self.looks, self.read, self.cancelled, *self.outcomes, *self.sums})
