"""The history of an item, told from the log, oldest first."""

from __future__ import annotations

from typing import Any

from ledger.models import Event
from pages.history import Entry, Names, name_actors, read_events
from reviews.models import ReviewItem

TOLD = {  # kind: colour, what happened
    "reviews.added": ("wait", "Added by {who}"),
    "reviews.claimed": ("quiet", "Taken in hand by {who}"),
    "reviews.unclaimed": ("quiet", "Given back to the queue by {who}"),
    "reviews.approved": ("yes", "Approved by {who}"),
    "reviews.rejected": ("no", "Rejected by {who}"),
    "reviews.corrected": ("revise", "Corrected and approved by {who}"),
    "reviews.released": ("quiet", "Let through without a review"),
    "reviews.cancelled": ("quiet", "Taken back by {who}"),
    "reviews.delivered": ("quiet", "Taken up by the run"),
}


def entries(item: ReviewItem) -> list[Entry]:
    """The lines of one item."""
    events = read_events(item.subject)
    names = name_actors(events)
    return [_entry(event, names) for event in events if event.kind in TOLD]


def _entry(event: Event, names: Names) -> Entry:
    colour, words = TOLD[event.kind]
    data, what = event.payload, words.format(who=names[event.actor])
    return Entry(event.at, what, colour, _more(event.kind, data), str(data.get("feedback", "")))


def _more(kind: str, data: dict[str, Any]) -> str:
    if kind == "reviews.added" and data.get("attempt", 1) > 1:
        return f"try {data['attempt']}"
    if kind == "reviews.released":
        return f"{float(data.get('share', 100)):g} % of this type are reviewed"
    return ""
