"""A run's journal and its events as one timeline, and the run in figures. It only reads.

The story is the same for everybody who may see the run: nothing in it depends on the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count

from dashboard.runs import event_lines, journal_lines
from dashboard.runs.conversation import read_calls
from dashboard.runs.lines import Journaled, Lesson
from ledger.clock import read_local_clock
from ledger.models import EntryKind, Event, JournalEntry, Run
from ledger.requests.models import HumanRequest
from pages import patterns
from pages.inbox import evidence
from pages.inbox.evidence import Evidence
from pages.timeline import Line

SHOWN = 200  # newest journal entries; and twice as many events
LESSONS = "lessons"  # the reading by which an agent takes people's earlier answers
COUNTED = (
    (EntryKind.MODEL, "model call"),
    (EntryKind.QUESTION, "question"),
    (EntryKind.ACTION, "action"),
    (EntryKind.READ, "reading"),
    (EntryKind.WAIT, "wait"),
)


@dataclass(frozen=True)
class Story:
    """A run as its page tells it. `cut`: older lines were left out."""

    run: Run
    lines: list[Line]
    cut: bool
    counts: str
    entries: int
    waited: timedelta
    took: timedelta
    lessons: list[Lesson]
    lessons_at: int | None  # the journal entry that lists them first
    evidence: Evidence | None
    pending: list[Any]  # the questions that a person can answer now


def tell(run: Run, *, whole: bool = False) -> Story:
    """The story of a run; the newest 200 steps of it, or all with `whole`."""
    limit = None if whole else SHOWN
    entries = _newest(run.journal.all(), limit)
    events = _newest(run.events.all(), limit and 2 * limit)
    asked = _read_questions(run)
    known = _gather_known(run, entries, events, asked)
    lines = [*event_lines.lines(events, known), *journal_lines.lines(entries, known)]
    lines.sort(key=lambda line: line.at)
    since = _find_start(limit, entries, events)
    counts = dict(run.journal.values_list("kind").annotate(n=Count("pk")).order_by("kind"))
    read = run.journal.filter(kind=EntryKind.READ, name=LESSONS).order_by("pk")
    lessons, first = _lessons(read.values_list("pk", "result"))
    now = run.finished_at or read_local_clock()
    return Story(
        run=run,
        lines=[line for line in lines if since is None or line.at >= since],
        cut=since is not None,
        counts=_describe_counts(counts),
        entries=sum(counts.values()),
        waited=compute_waited(asked, now),
        took=now - run.created_at,
        lessons=lessons,
        lessons_at=first,
        evidence=known.evidence,
        pending=[request for request in asked if request.shown_status == "pending"],
    )


def compute_waited(asked: Iterable[HumanRequest], until: datetime) -> timedelta:
    """For how long at least one question was open; two at once count once."""
    spans = sorted(
        (request.created_at, min(request.resolved_at or until, until)) for request in asked
    )
    total, covered = timedelta(0), None
    for start, end in spans:
        start = start if covered is None else max(start, covered)
        total += max(end - start, timedelta(0))
        covered = end if covered is None else max(covered, end)
    return total


def _newest(rows: Any, limit: int | None) -> list[Any]:
    """Rows oldest first; with a limit the newest so many."""
    if limit is None:
        return list(rows.order_by("pk"))
    return list(rows.order_by("-pk")[:limit])[::-1]


def _find_start(
    limit: int | None, entries: Sequence[JournalEntry], events: Sequence[Event]
) -> datetime | None:
    """From when on the lines are complete; None when nothing was left out."""
    if limit is None:
        return None
    starts = []
    if len(entries) == limit:
        starts.append(min(entry.started_at for entry in entries))
    if len(events) == 2 * limit:
        starts.append(events[0].at)
    return max(starts, default=None)


def _read_questions(run: Run) -> list[HumanRequest]:
    """What the run asked people, of every kind; their long fields are not needed here."""
    found: list[HumanRequest] = []
    for pattern in (each.pattern for each in patterns.list_pages()):
        rows = pattern.model.objects.filter(run=run).select_related("reviewer").order_by("pk")
        found += rows.defer(*pattern.heavy)
    return found


def _gather_known(
    run: Run, entries: list[JournalEntry], events: list[Event], asked: list[HumanRequest]
) -> Journaled:
    names = {event.actor.removeprefix("user:") for event in events if _is_by_person(event)}
    if run.requester:
        names.discard(run.requester.get_username())
    people = {user.get_username(): user for user in _users(names)}
    if run.requester:
        people[run.requester.get_username()] = run.requester
    return Journaled(
        run=run,
        requests={request.subject: request for request in asked},
        people={name: user.get_full_name() or name for name, user in people.items()},
        calls=read_calls(entries),
        asked_in=frozenset(
            f"{entry.request_kind}:{entry.request_id}"
            for entry in entries
            if entry.kind == EntryKind.QUESTION
        ),
        attempts={entry.key: entry.attempt for entry in entries},
        delivered={e.subject: e.at for e in events if e.kind.endswith(".delivered")},
        call=patterns.call,
        evidence=evidence.read_evidence(run),
        doubted_at=max((e.pk for e in events if e.kind == "runs.in_doubt"), default=0),
    )


def _is_by_person(event: Event) -> bool:
    return event.actor.startswith("user:")


def _users(names: set[str]) -> Any:
    model = get_user_model()
    return model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": names})


def _describe_counts(counts: dict[str, int]) -> str:
    parts = [
        f"{counts[kind]} {noun}{'' if counts[kind] == 1 else 's'}"
        for kind, noun in COUNTED
        if counts.get(kind)
    ]
    return ", ".join(parts)


def _lessons(read: Iterable[tuple[int, Any]]) -> tuple[list[Lesson], int | None]:
    """Every earlier answer once, and the first entry that has any."""
    found: dict[tuple[str, int], Lesson] = {}
    first = None
    for pk, result in read:
        for lesson in journal_lines.lessons(result):
            found.setdefault((lesson.of, lesson.request_id), lesson)
            first = first or pk
    return list(found.values()), first
