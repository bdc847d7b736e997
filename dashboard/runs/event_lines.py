"""Lines of a run's timeline that come from the log: who gave it, waited, decided, took it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from dashboard.runs.lines import Journaled, RunLine
from ledger import leases
from ledger.models import Event, Run
from pages import patterns
from pages.timeline import VERDICTS, Known, Line

RunTeller = Callable[[Event, dict[str, Any], Journaled], Line | None]


def lines(events: Sequence[Event], known: Journaled) -> Iterator[Line]:
    """A line for each event that no journal entry tells better, oldest first."""
    tellers = _tellers()
    for place, event in enumerate(events):
        if event.kind == "runs.waiting":
            yield _tell_waiting(event, _find_next_move(events[place + 1 :]), known)
        elif event.kind in tellers:
            line = tellers[event.kind](event, event.payload, known)
            if line is not None:
                yield line


@cache
def _tellers() -> Mapping[str, RunTeller]:
    """Who tells of which kind of event: the patterns of their own, this module of runs."""
    found = dict(TELLERS)
    for each in patterns.list_pages():
        found.update(each.timeline.events)
    return found


def _find_next_move(later: Sequence[Event]) -> datetime | None:
    """When the run did not wait any more."""
    return next((e.at for e in later if e.kind.startswith("runs.")), None)


def _tell_waiting(event: Event, until: datetime | None, known: Known) -> Line:
    waits = until is None and known.run.status == Run.Status.WAITING
    return Line(
        event.at,
        "wait" if waits else "quiet",
        "hourglass",
        "Waiting for a person",
        took=until - event.at if until else None,
        since=event.at if waits else None,
        note="costs a row, nothing else",
    )


def _tell_submitted(event: Event, data: dict[str, Any], known: Known) -> Line:
    by_person = event.actor.startswith("user:")
    note = f"by {known.name_actor(event.actor)}" if by_person else "from the command line"
    if known.run.example:
        note = "one of the examples"
    return Line(event.at, "quiet", "user" if by_person else "terminal", "Asked for", note=note)


def _tell_started(event: Event, data: dict[str, Any], known: Known) -> Line:
    note = "driven by another program; journaled, never replayed" if data.get("library") else ""
    return Line(event.at, "quiet", "play", "Started", key=_runner(event), note=note)


def _tell_resumed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(event.at, "yes", "play", "Resumed", key=_runner(event))


def _tell_requeued(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    reason = str(data.get("reason", ""))
    if reason in (leases.DECIDED, leases.TIME_IS_UP):
        return None  # "Resumed" says it, in the same transaction
    delay = data.get("delay")
    note = f"tried again after {delay:g} s" if delay else ""
    return Line(event.at, "medium", "rotate-ccw", "Queued again", note=note, problem=reason)


def _tell_completed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(event.at, "yes", "check", "Completed")


def _tell_failed(event: Event, data: dict[str, Any], known: Known) -> Line:
    problem = str(data.get("error", ""))
    return Line(event.at, "error", "circle-alert", "Failed", problem=problem)


def _tell_doubt(event: Event, data: dict[str, Any], known: Journaled) -> Line:
    about = data.get("about") or {}
    diverged = about.get("kind") == "diverged"
    open_now = event.id == known.doubted_at
    return RunLine(
        event.at,
        "doubt" if open_now and known.evidence else "medium",
        "circle-help",
        "The agent asks something else at" if diverged else "Nobody knows about action",
        what=str(about.get("key" if diverged else "name", "")),
        evidence=known.evidence if open_now else None,
    )


def _tell_resolved(event: Event, data: dict[str, Any], known: Known) -> Line:
    verdict = str(data.get("verdict", ""))
    title = f"{known.name_actor(event.actor)} said: {VERDICTS.get(verdict, verdict)}"
    said = str(data.get("note", ""))
    return Line(event.at, "revise", "user-check", title, said=said)


def _tell_cancelled(event: Event, data: dict[str, Any], known: Known) -> Line:
    title = f"Cancelled by {known.name_actor(event.actor)}"
    return Line(event.at, "quiet", "ban", title, said=str(data.get("reason", "")))


def _tell_attempt(event: Event, data: dict[str, Any], known: Journaled) -> Line | None:
    """An attempt before the last one, which the journal entry does not show any more."""
    key, attempt = str(data.get("key", "")), int(data.get("attempt") or 1)
    if attempt >= known.attempts.get(key, 0):
        return None
    title = f"Attempt {attempt} of action"
    note = "no result was noted"
    return Line(event.at, "medium", "play", title, str(data.get("action", "")), key, note=note)


def _runner(event: Event) -> str:
    return event.actor.partition(":")[2]


TELLERS: dict[str, RunTeller] = {
    "runs.submitted": _tell_submitted,
    "runs.started": _tell_started,
    "runs.resumed": _tell_resumed,
    "runs.requeued": _tell_requeued,
    "runs.completed": _tell_completed,
    "runs.failed": _tell_failed,
    "runs.in_doubt": _tell_doubt,
    "runs.doubt_resolved": _tell_resolved,
    "runs.cancelled": _tell_cancelled,
    "actions.started": _tell_attempt,
}
