"""The frames of the live socket: what changed in the log, rendered once and the same for everybody.

A frame knows nothing about the person who gets it: no buttons, no token, no "you". Forms belong
to the page; a frame may put what was decided in the place of one. All pages are in one language,
so that one text serves every socket. A card is always drawn from the row as it is now: the same
card twice does no harm.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any

from django.db import DatabaseError

from dashboard.live import changes
from dashboard.live.changes import ROW, Changes, Row, Shown, keys_by_table
from dashboard.live.kinds import kind_of, kinds
from ledger.models import Event
from pages.cards import Card, Kind

log = logging.getLogger(__name__)

MOST_CARDS = 200  # beyond that a page is better loaded anew
LOOK_BACK = 5_000  # events; the log's ids have no gaps
FRESH = 1.0  # seconds for which a card drawn for one returning page serves the others
RELOAD = json.dumps({"reload": True})

Draw = Callable[[str, Any, bool, bool], Card]


@dataclass(frozen=True)
class Frame:
    """What one change says, as JSON text: to its own page, to pages with such a list, to others."""

    event: int
    subject: str
    needs: str  # the permission of those who may see it
    lists: frozenset[str]
    whole: str
    brief: str
    figures: str  # empty if no figure in everybody's menu has changed

    def text_for(self, on: Shown) -> str:
        """The text for a page that shows `on`; empty if there is nothing in it for that page."""
        if on is None or self.subject in on:
            return self.whole
        return self.figures if self.lists.isdisjoint(on) else self.brief


def draw_since(after: int, shown: Shown) -> tuple[list[Frame], int] | None:
    """The frames of what changed after that event, and the log's end when that was looked up.

    Only of what the page shows; its figures it is told once, at the end. None when the log has
    no such event, or when too much has changed since.
    """
    end = Event.objects.newest()
    if not max(0, end - LOOK_BACK) <= after <= end:
        return None
    rows = Event.objects.filter(id__gt=after, id__lte=end).values_list(*ROW)
    changed = changes.collect_changes(rows, shown, figures=False)
    if len(changed) > MOST_CARDS:
        return None
    return _draw_all(changed, shown, recent.make_draw(end)), end


def figures(may: Collection[str]) -> dict[str, Any]:
    """The figures in the menu, for somebody with these permissions."""
    counts = [kind.counts() for kind in {*kinds().values()} if kind.needs in may]
    return {name: number for each in counts for name, number in each.items()}


def frames(events: Iterable[Row], shown: Shown) -> list[Frame]:
    """The frames of all that those events changed, oldest change first.

    `shown` is what all open pages show together; nothing else is drawn. Raises when the database
    does not answer; a card that cannot be drawn for another reason is logged and left out.
    """
    return _draw_all(changes.collect_changes(events, shown), shown, _draw)


def _draw_all(changed: Changes, shown: Shown, draw: Draw) -> list[Frame]:
    rows = _load(changed)
    cards = []
    for subject in sorted(rows, key=lambda subject: changed[subject].event):
        try:
            cards.append(draw(subject, rows[subject], *changes.places(subject, shown)))
        except DatabaseError:
            raise
        except Exception:
            log.exception("The card of %s cannot be drawn.", subject)
    return _make_frames(cards, changed)


def _load(subjects: Iterable[str]) -> dict[str, Any]:
    """The rows as they are now, one query for each table."""
    return {
        f"{label}:{key}": row
        for label, keys in keys_by_table(subjects).items()
        for key, row in kinds()[label].load(keys).items()
    }


def _draw(subject: str, row: Any, listed: bool, paged: bool) -> Card:
    return kind_of(subject).draw(row, listed, paged)


def _make_frames(cards: list[Card], changed: Changes) -> list[Frame]:
    """Those cards as frames. After a lost connection a page asks for what came after `cursor`.

    One event can change several cards; only the last of them takes a page past that event.
    """
    counts = cache(lambda kind: kind.counts())  # once for all of them
    beside = cache(_draw_beside)
    events = [changed[card.subject].event for card in cards]
    found = []
    for card, event, following in zip_longest(cards, events, events[1:]):
        kind, change = kind_of(card.subject), changed[card.subject]
        said = {
            "cursor": event - 1 if event == following else event,
            "subject": card.subject,
            "kind": change.kind,
            "counts": counts(kind),
        }
        row = {**card.row, **beside(kind)} if card.row else {}
        whole = _text(said, card.facts, {**row, **card.page})
        found.append(
            Frame(
                event,
                card.subject,
                kind.needs,
                kind.lists,
                whole=whole,
                brief=_text(said, card.facts, row) if card.page else whole,
                figures=_text(said, {}, {}) if change.wide else "",
            )
        )
    return found


def _draw_beside(kind: Kind) -> Mapping[str, str]:
    try:
        return kind.beside()
    except DatabaseError:
        raise
    except Exception:
        log.exception("What stands beside the rows cannot be drawn.")
        return {}


def _text(said: Mapping[str, Any], facts: Mapping[str, Any], html: Mapping[str, str]) -> str:
    return json.dumps({**said, **facts, "html": html}, ensure_ascii=False)


class Recent:
    """Cards just drawn. After a restart every open page comes back and asks for the same ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Draw everything anew."""
        self._end = -1
        self._since = 0.0
        self._cards: dict[tuple[str, bool, bool], Card] = {}

    def make_draw(self, end: int) -> Draw:
        """How to draw while the log ends at `end`: what was drawn since it ended there, again."""
        with self._lock:
            if end != self._end or time.monotonic() - self._since > FRESH:
                self._end, self._since, self._cards = end, time.monotonic(), {}
            cards = self._cards

        def draw(subject: str, row: Any, listed: bool, paged: bool) -> Card:
            key = (subject, listed, paged)
            if key not in cards:
                cards[key] = _draw(subject, row, listed, paged)
            return cards[key]

        return draw


recent = Recent()
