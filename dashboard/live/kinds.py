"""The subjects that have cards: those of the patterns, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from dashboard.live.run_cards import DOUBTS, RUNS
from pages import patterns
from pages.cards import Kind


@cache
def kinds() -> Mapping[str, Kind]:
    """By table, in the order in which they are drawn; what the patterns have registered."""
    found = {label: kind for each in patterns.list_pages() for label, kind in each.cards.items()}
    return {**found, "ledger.run": RUNS, "doubt": DOUBTS}


@cache
def lists() -> frozenset[str]:
    """The names of all lists that cards can stand in."""
    return frozenset().union(*(kind.lists for kind in kinds().values()))


def split(subject: str) -> tuple[str, int] | None:
    """The table and the key of a subject that has a card, else None."""
    label, _, pk = subject.partition(":")
    known = label in kinds() and pk.isascii() and pk.isdigit() and len(pk) < 19
    return (label, int(pk)) if known else None


def kind_of(subject: str) -> Kind:
    """The kind of a subject that has a card."""
    return kinds()[subject.partition(":")[0]]
