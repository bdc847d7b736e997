"""The subjects that look different after some events, and whom that concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dashboard.live.kinds import kind_of, kinds, split
from dashboard.live.run_cards import DOUBTING
from pages.cards import Subjects

# Id, kind, subject, run: what is needed of an event.
Row = tuple[int, str, str, int | None]
ROW = ("id", "kind", "subject", "run_id")
# What a page shows: names of lists, and subjects. None: everything.
Shown = Collection[str] | None


@dataclass(frozen=True, order=True)
class Change:
    """The last event that changed a subject, and whether any of them concerns every page."""

    event: int
    kind: str
    wide: bool = False


Changes = dict[str, Change]


def collect_changes(events: Iterable[Row], shown: Shown, *, figures: bool = True) -> Changes:
    """What those events changed of all that the open pages show together.

    With `figures` also what none of them shows, if a figure in everybody's menu may have changed.
    """
    rows = list(events)
    found = _collect_named(rows)
    found |= _add_touched(
        found, {run for _, kind, _, run in rows if kind.startswith("runs.")}, shown
    )
    return {
        subject: change
        for subject, change in found.items()
        if (figures and change.wide) or any(places(subject, shown))
    }


def places(subject: str, shown: Shown) -> tuple[bool, bool]:
    """Whether a list that could hold it is open somewhere, and whether its own page is."""
    if shown is None:
        return True, True
    return not kind_of(subject).lists.isdisjoint(shown), subject in shown


def _collect_named(events: Iterable[Row]) -> Changes:
    """What those events changed of all that has a card.

    An event that belongs to a run changes the run's page, whatever its subject is.
    """
    found: Changes = {}
    for number, kind, subject, run in events:
        doubt = f"doubt:{run}" if kind in DOUBTING else ""
        for each in {subject, f"ledger.run:{run}", doubt}:
            if split(each):
                wide = kind in kind_of(each).wide or (each in found and found[each].wide)
                found[each] = Change(number, kind, wide)
    return found


def _add_touched(changed: Changes, moved: Collection[int | None], shown: Shown) -> Changes:
    """What looks different because something else changed, such as the run that asked."""
    keys, pages = keys_by_table(changed), keys_by_table(shown or ())
    found: Changes = {}
    for label, kind in kinds().items():
        subjects = Subjects(moved, keys["ledger.run"], keys[label], pages[label])
        for pk, others in kind.touched(subjects):
            own = changed.get(f"{label}:{pk}")
            last = max(filter(None, (own, *map(changed.get, others))))
            wide = own is not None and own.wide
            found[f"{label}:{pk}"] = Change(last.event, last.kind, wide)
    return found


def keys_by_table(subjects: Iterable[str]) -> defaultdict[str, list[int]]:
    """The primary keys among those texts, by table."""
    found = defaultdict(list)
    for label, pk in filter(None, map(split, subjects)):
        found[label].append(pk)
    return found
