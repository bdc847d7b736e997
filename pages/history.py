"""Lines of a request's history, told from the log: those that are alike for every kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from ledger.accounts.people import name_of
from ledger.models import Event
from ledger.requests.models import HumanRequest

Names = dict[str, str]  # by actor

MOST = 300  # events; a request has about five
ALIKE = {  # by what an event's kind ends with: colour, what happened
    "looked": ("quiet", "First looked at by {who}"),
    "deadline_shortened": ("quiet", "Deadline shortened by {who}"),
    "delivered": ("", "Delivered to {who}"),
    "resumed": ("", "Run resumed on {who}"),
}


@dataclass(frozen=True)
class Entry:
    """One line. `words` is what a person or a program wrote."""

    at: datetime | None
    what: str
    kind: str = ""  # the look's colour: "wait", "yes", …
    more: str = ""
    words: str = ""
    open: bool = False  # has not happened yet
    link: HumanRequest | None = None  # a request with a page of its own


def name_actors(events: Iterable[Event], *others: str) -> Names:
    """How who acts in these events is called, and `others` such as "user:rita"."""
    actors = {*others, *(event.actor for event in events)}
    usernames = {actor.removeprefix("user:") for actor in actors if actor.startswith("user:")}
    users = User.objects.filter(username__in=usernames) if usernames else []
    people = {f"user:{user.get_username()}": name_of(user) for user in users}
    return {actor: actor.partition(":")[2] or actor for actor in actors} | people


def read_events(*subjects: str) -> list[Event]:
    """The events of these subjects, oldest first."""
    return list(Event.objects.filter(subject__in=subjects).order_by("id")[:MOST])


def read_resumption(
    request: HumanRequest, events: Iterable[Event], ends: Collection[str]
) -> list[Event]:
    """The run's first resuming after the request came to one of its `ends`: it belongs to its story."""
    subject = request.subject
    ended = [e.id for e in events if e.subject == subject and e.kind in ends]
    if request.run_id is None or not ended:
        return []
    later = Event.objects.filter(run_id=request.run_id, kind="runs.resumed", id__gt=ended[-1])
    return list(later.order_by("id")[:1])


def tell_alike(event: Event, names: Names) -> Entry:
    """The line of an event that is told alike for every kind of request, or that nobody tells."""
    colour, words = ALIKE.get(event.kind.rpartition(".")[2], ("quiet", ""))
    what = words.format(who=names[event.actor])
    return Entry(event.at, what or event.kind.replace(".", " ").replace("_", " "), colour)
