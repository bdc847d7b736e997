"""What happened to an item, told from the log, oldest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from ledger.models import Event
from ledger.requests.refusals import name_of
from reviews.models import ReviewItem

MOST = 100  # events
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


@dataclass(frozen=True)
class Entry:
    """One line; `words` are a person's."""

    at: datetime
    kind: str
    what: str
    words: str = ""
    more: str = ""


def entries(item: ReviewItem) -> list[Entry]:
    """The lines of one item."""
    events = list(Event.objects.filter(subject=item.subject).order_by("id")[:MOST])
    names = _names(events)
    return [_entry(event, names) for event in events if event.kind in TOLD]


def _entry(event: Event, names: dict[str, str]) -> Entry:
    colour, words = TOLD[event.kind]
    data, actor = event.payload, event.actor
    what = words.format(who=names.get(actor, actor.partition(":")[2] or actor))
    return Entry(event.at, colour, what, str(data.get("feedback", "")), _more(event.kind, data))


def _more(kind: str, data: dict[str, Any]) -> str:
    if kind == "reviews.added" and data.get("attempt", 1) > 1:
        return f"try {data['attempt']}"
    if kind == "reviews.released":
        return f"{float(data.get('share', 100)):g} % of this type are reviewed"
    return ""


def _names(events: Iterable[Event]) -> dict[str, str]:
    model = get_user_model()
    wanted = {
        event.actor.removeprefix("user:") for event in events if event.actor.startswith("user:")
    }
    users = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": wanted})
    return {f"user:{user.get_username()}": name_of(user) for user in users}
