"""The patterns of this installation, as pages show them. A new pattern registers itself here, once.

Its app says in `pattern.py` everything that pages about all patterns need: how its questions are
handled (`ledger/patterns.py`), its addresses, cards, lane, lines of timelines and statistics. The
inbox, the menu, the live socket, the timeline and the statistics take them from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.urls import reverse

from ledger import patterns
from ledger.patterns import Pattern
from ledger.requests.models import HumanRequest
from ledger.risk import RiskLevel
from pages.cards import Kind
from pages.inbox.lanes import IdleLane, Lane
from pages.statistics.section import Section, Stretch
from pages.timeline import Timeline


class DeclaredAction(Protocol):
    """What pages show of an action that agents can take."""

    @property
    def floor(self) -> RiskLevel: ...
    @property
    def undoable(self) -> bool: ...
    @property
    def idempotent(self) -> bool: ...
    def schema(self) -> dict[str, Any]: ...


def _no_action(name: str) -> DeclaredAction | None:
    return None


def _get_number(request: Any) -> int:
    return int(request.pk)


def _no_section(stretch: Stretch) -> Section:
    return Section()


@dataclass(frozen=True)
class PatternPages:
    """One pattern, whole. Its addresses begin with the name of its app."""

    pattern: Pattern
    noun: str  # a question is called by it and its key, such as "approval 42"
    urls: str  # the module with its addresses
    cards: Mapping[str, Kind]  # by table: how its rows come to open pages
    number: Callable[[Any], int] = _get_number  # by which people know a question
    lane: Lane | None = None  # of the inbox, if its agents wait
    idle: IdleLane | None = None  # of the inbox, if nobody waits
    timeline: Timeline = field(default_factory=Timeline)
    statistics: Callable[[Stretch], Section] = _no_section  # what only it has figures of
    find_action: Callable[[str], DeclaredAction | None] = _no_action  # if it lets actions through

    @property
    def app(self) -> str:
        """The name of its app, with which addresses and kinds of events begin."""
        return self.pattern.model._meta.app_label


_pages: dict[str, PatternPages] = {}


def register(pages: PatternPages) -> None:
    """Make a pattern known to the ground and to the pages; the app's `ready()` does it."""
    patterns.register(pages.pattern)
    _pages[pages.pattern.label] = pages


def list_pages() -> list[PatternPages]:
    """Every registered pattern, in the order in which their apps are installed."""
    return list(_pages.values())


def pages_of(label: str) -> PatternPages | None:
    """The pattern whose questions stand in that table, such as "approvals.approvalrequest"."""
    return _pages.get(label)


def find_action(name: str) -> DeclaredAction | None:
    """The action of that name, if a pattern knows it."""
    return next(filter(None, (each.find_action(name) for each in _pages.values())), None)


def call(asked: str | HumanRequest) -> str:
    """What was asked, given as its row or its subject, in short: "approval 42"."""
    label, _, number = (asked if isinstance(asked, str) else asked.subject).partition(":")
    found = pages_of(label)
    if found is None:
        return f"{label.rpartition('.')[2]} {number}"
    return f"{found.noun} {number if isinstance(asked, str) else found.number(asked)}"


def address_of(asked: str | HumanRequest) -> str:
    """The address of the page of what was asked; "" if there is none."""
    if not isinstance(asked, str) and hasattr(asked, "get_absolute_url"):
        return str(asked.get_absolute_url())  # it may stand on the page of something else
    label, _, pk = (asked if isinstance(asked, str) else asked.subject).partition(":")
    found = pages_of(label)
    return reverse(f"{found.app}:detail", args=[int(pk)]) if found else ""
