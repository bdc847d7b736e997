"""Lines of a run's timeline that come from the log: who gave it, waited, decided, took it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from approvals.models import Resolution
from approvals.pages.history import VERDICTS
from dashboard.runs import escalation_lines, plan_lines, review_lines
from dashboard.runs.lines import Known, Line
from ledger import leases
from ledger.models import Event, Run


def lines(events: Sequence[Event], known: Known) -> Iterator[Line]:
    """A line for each event that no journal entry tells better, oldest first."""
    delivered = {e.subject: e.at for e in events if e.kind.endswith(".delivered")}
    for place, event in enumerate(events):
        if event.kind == "runs.waiting":
            yield _waiting(event, _next_move(events[place + 1 :]), known)
        elif event.kind in DECISIONS:
            yield from _decided(event, known, delivered.get(event.subject))
        elif event.kind in WRITERS:
            line = WRITERS[event.kind](event, event.payload, known)
            if line is not None:
                yield line


def _next_move(later: Sequence[Event]) -> datetime | None:
    """When the run did not wait any more."""
    return next((e.at for e in later if e.kind.startswith("runs.")), None)


def _waiting(event: Event, until: datetime | None, known: Known) -> Line:
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


def _submitted(event: Event, data: dict[str, Any], known: Known) -> Line:
    by_person = event.actor.startswith("user:")
    note = f"by {known.who(event.actor)}" if by_person else "from the command line"
    if known.run.example:
        note = "one of the examples"
    return Line(event.at, "quiet", "user" if by_person else "terminal", "Asked for", note=note)


def _started(event: Event, data: dict[str, Any], known: Known) -> Line:
    note = "driven by another program; journaled, never replayed" if data.get("library") else ""
    return Line(event.at, "quiet", "play", "Started", key=_runner(event), note=note)


def _resumed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(event.at, "yes", "play", "Resumed", key=_runner(event))


def _requeued(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    reason = str(data.get("reason", ""))
    if reason in (leases.DECIDED, leases.TIME_IS_UP):
        return None  # "Resumed" says it, in the same transaction
    delay = data.get("delay")
    note = f"tried again after {delay:g} s" if delay else ""
    return Line(event.at, "medium", "rotate-ccw", "Queued again", note=note, problem=reason)


def _completed(event: Event, data: dict[str, Any], known: Known) -> Line:
    return Line(event.at, "yes", "check", "Completed")


def _failed(event: Event, data: dict[str, Any], known: Known) -> Line:
    problem = str(data.get("error", ""))
    return Line(event.at, "error", "circle-alert", "Failed", problem=problem)


def _in_doubt(event: Event, data: dict[str, Any], known: Known) -> Line:
    about = data.get("about") or {}
    diverged = about.get("kind") == "diverged"
    open_now = event.id == known.doubted_at
    return Line(
        event.at,
        "doubt" if open_now and known.evidence else "medium",
        "circle-help",
        "The agent asks something else at" if diverged else "Nobody knows about action",
        what=str(about.get("key" if diverged else "name", "")),
        evidence=known.evidence if open_now else None,
    )


def _resolved(event: Event, data: dict[str, Any], known: Known) -> Line:
    verdict = str(data.get("verdict", ""))
    title = f"{known.who(event.actor)} said: {VERDICTS.get(verdict, verdict)}"
    said = str(data.get("note", ""))
    return Line(event.at, "revise", "user-check", title, said=said)


def _cancelled(event: Event, data: dict[str, Any], known: Known) -> Line:
    title = f"Cancelled by {known.who(event.actor)}"
    return Line(event.at, "quiet", "ban", title, said=str(data.get("reason", "")))


def _asked(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    """Only what the journal has no entry for; the revision a reviewer wrote is in the decision."""
    request = known.requests.get(event.subject)
    if event.subject in known.asked_in or getattr(request, "author_id", None):
        return None
    return Line(
        event.at,
        "wait",
        "shield-check",
        "Question: approve",
        what=str(data.get("action", "")),
        key=named(event.subject),
        preview=getattr(request, "preview", ""),
        request=request,
    )


def _shortened(event: Event, data: dict[str, Any], known: Known) -> Line:
    request = known.requests.get(event.subject)
    until = getattr(request, "deadline", None)
    later = [("now ends", until)] if until else []
    key = named(event.subject)
    title = "Deadline shortened by the agent"
    return Line(event.at, "quiet", "timer", title, key=key, request=request, later=later)


def _tried(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    """An attempt before the last one, which the journal entry does not show any more."""
    key, attempt = str(data.get("key", "")), int(data.get("attempt") or 1)
    if attempt >= known.attempts.get(key, 0):
        return None
    title = f"Attempt {attempt} of action"
    note = "no result was noted"
    return Line(event.at, "medium", "play", title, str(data.get("action", "")), key, note=note)


# ---- Decisions ------------------------------------------------------------------------------

DECISIONS = {
    "approvals.approved": ("yes", "check", "approved"),
    "approvals.rejected": ("no", "x", "rejected"),
    "approvals.revision_requested": ("revise", "pencil-line", "revision requested"),
    "approvals.cancelled": ("quiet", "ban", "cancelled"),
    **escalation_lines.DECISIONS,
    **review_lines.DECISIONS,
}


def _decided(event: Event, known: Known, delivered: datetime | None) -> Iterator[Line]:
    css, icon, word = DECISIONS[event.kind]
    data = event.payload
    request = known.requests.get(event.subject)
    if event.subject.startswith("approvals.") and getattr(request, "pk", 0) in known.edited:
        return  # the line of what the reviewer wrote in its place says it
    if data.get("by") == Resolution.EDITED:
        word = "edited and approved"
    title = f"Decided: {word} by {known.who(event.actor)}"
    if event.kind.endswith(".cancelled"):
        title = f"Question cancelled by {known.who(event.actor)}"
    yield Line(
        event.at,
        css,
        icon,
        title,
        key=named(event.subject),
        request=request,
        said=str(data.get("answer") or data.get("feedback") or data.get("reason") or ""),
        later=[("delivered", delivered)] if delivered else [],
    )


def _runner(event: Event) -> str:
    return event.actor.partition(":")[2]


def named(subject: str) -> str:
    """A subject in short, such as "approval 42"."""
    label, _, pk = subject.partition(":")
    return f"{label.rpartition('.')[2].removesuffix('request').removesuffix('item')} {pk}"


WRITERS: dict[str, Callable[[Event, dict[str, Any], Known], Line | None]] = {
    "runs.submitted": _submitted,
    "runs.started": _started,
    "runs.resumed": _resumed,
    "runs.requeued": _requeued,
    "runs.completed": _completed,
    "runs.failed": _failed,
    "runs.in_doubt": _in_doubt,
    "runs.doubt_resolved": _resolved,
    "runs.cancelled": _cancelled,
    "approvals.asked": _asked,
    "approvals.deadline_shortened": _shortened,
    "actions.started": _tried,
    **plan_lines.WRITERS,
    **escalation_lines.WRITERS,
}
