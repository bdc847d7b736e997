"""The registry of patterns: kinds of questions, and how each is found, timed and answered.

Each pattern registers itself when Django starts. The ground, the journal and the pages that show
every kind go through here, so that none of them has to know the patterns one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.log.event_kinds import EventKinds
from ledger.requests.models import HumanRequest


def _return_unchanged(request: Any) -> Any:
    return request


def _refuse_everybody(request: Any, user: Any) -> str | None:
    return "Nobody decides questions of this kind."


@dataclass(frozen=True)
class Pattern:
    """One table of questions. A question is decided when its `resolved_at` is set."""

    model: type[HumanRequest]
    events: EventKinds  # what the log's words about it mean
    find_by_id: Callable[[Any], Any]  # the row, or UnknownId
    shorten: Callable[[Any, float], Any] | None = None  # bring its deadline forward, once
    expire: Callable[[Any], Any] | None = None  # end this one if it is overdue; None: never due
    effective: Callable[[Any], Any] = (
        _return_unchanged  # of a decided question, the row that answers it
    )
    related: tuple[str, ...] = ("reviewer",)  # what an agent reads together with a decision
    outlives_its_run: bool = False  # still open when the run that asked has come to its own end
    heavy: tuple[str, ...] = ()  # columns that may be large, and that a list does not need
    # Why this person may not decide it, None if they may: whose looks count as a first look.
    refusal: Callable[[Any, Any], str | None] = _refuse_everybody

    @property
    def label(self) -> str:
        """The table's name in subjects and journal entries, such as "approvals.approvalrequest"."""
        return self.model._meta.label_lower


_patterns: dict[str, Pattern] = {}


def register(pattern: Pattern) -> None:
    """Make a kind of question known; the app's `ready()` does it."""
    _patterns[pattern.label] = pattern


def get(label: str) -> Pattern:
    """The pattern of that table; KeyError if no app has registered it."""
    return _patterns[label]


def is_known(label: str) -> bool:
    """Whether that is the table of a registered pattern."""
    return label in _patterns


def find_by_model(model: type[HumanRequest]) -> Pattern:
    """The pattern whose questions stand in this model's table."""
    return _patterns[model._meta.label_lower]


def list_patterns() -> list[Pattern]:
    """Every registered pattern, in the order in which their apps are installed."""
    return list(_patterns.values())
