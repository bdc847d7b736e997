"""Lines of a run's timeline that come from its journal: model calls, questions, actions, readings, waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dashboard.runs import escalation_lines, plan_lines, review_lines
from dashboard.runs.evidence import as_value
from dashboard.runs.lines import Known, Lesson, Line
from escalations.models import Escalation
from ledger.models import EntryKind, EntryStatus, JournalEntry, Run

APPROVAL = "approvals.approvalrequest"  # what lessons are of that do not say
COLOURS = {
    EntryStatus.STARTED: "wait",
    EntryStatus.WAITING: "wait",
    EntryStatus.DONE: "yes",
    EntryStatus.FAILED: "error",
    EntryStatus.ABANDONED: "quiet",
    EntryStatus.CLEARED: "revise",
}
ICONS = {
    EntryKind.MODEL: "sparkles",
    EntryKind.QUESTION: "shield-check",
    EntryKind.ACTION: "play",
    EntryKind.READ: "eye",
    EntryKind.WAIT: "timer",
}


def lines(entries: Sequence[JournalEntry], known: Known) -> Iterator[Line]:
    """A line for each entry, in the order they were begun."""
    tellers = {
        EntryKind.MODEL: _model,
        EntryKind.QUESTION: _question,
        EntryKind.ACTION: _action,
        EntryKind.READ: _reading,
        EntryKind.WAIT: _wait,
    }
    turns: set[int | None] = set()
    for entry in entries:
        if entry.kind == EntryKind.QUESTION and entry.request_kind == plan_lines.LABEL:
            if entry.request_id in turns:  # the run looked again at the turn that it waits for
                continue
            turns.add(entry.request_id)
        yield tellers[EntryKind(entry.kind)](_plain(entry, known), entry, known)


def lessons(result: Any) -> list[Lesson]:
    """The earlier answers in what an agent read: {"requests": [ids], "lessons": [texts]}."""
    found = result if isinstance(result, dict) else {}
    ids, texts = found.get("requests"), found.get("lessons")
    if not isinstance(ids, list) or not isinstance(texts, list):
        return []
    pairs = zip(ids, texts, strict=False)
    of = str(found.get("of") or APPROVAL)
    return [Lesson(pk, str(text), of) for pk, text in pairs if isinstance(pk, int)]


def _plain(entry: JournalEntry, known: Known) -> Line:
    """What all kinds have in common."""
    return Line(
        at=entry.started_at,
        css=COLOURS[EntryStatus(entry.status)],
        icon=ICONS[EntryKind(entry.kind)],
        title=entry.get_kind_display(),
        key=entry.key,
        took=entry.finished_at - entry.started_at if entry.finished_at else None,
        note=entry.note,
        problem=entry.error,
        entry=entry,
        before_restart=entry.generation != known.run.generation,
    )


def _model(line: Line, entry: JournalEntry, known: Known) -> Line:
    call = known.calls[entry.pk]
    return replace(line, call=call, problem=line.problem or call.problem)


def _question(line: Line, entry: JournalEntry, known: Known) -> Line:
    request = known.requests.get(f"{entry.request_kind}:{entry.request_id}")
    if entry.request_kind == plan_lines.LABEL:
        return plan_lines.asked(line, request)
    reviewed = entry.request_kind == review_lines.LABEL
    status = getattr(request, "shown_status", "")
    told = replace(
        line,
        css="wait" if status == "pending" else "yes",
        title=review_lines.TITLE if reviewed else "Question: approve",
        what=entry.name,
        took=None,  # the wait has a line of its own
        request=request,
        preview=getattr(request, "preview", ""),
        note=_given_up(entry) or line.note,
    )
    if isinstance(request, Escalation):
        return escalation_lines.asked(told, entry, request)
    return told


def _given_up(entry: JournalEntry) -> str:
    times = (entry.result or {}).get("given_up")
    return "the agent stopped waiting for it" if times else ""


def _action(line: Line, entry: JournalEntry, known: Known) -> Line:
    line = replace(
        line,
        title="Action" if entry.attempt == 1 else f"Attempt {entry.attempt} of action",
        what=entry.name,
        arguments=as_value(entry.input),
        result=entry.result if entry.status == EntryStatus.DONE else None,
        request=known.requests.get(f"{entry.request_kind}:{entry.request_id}"),
    )
    if entry.status == EntryStatus.CLEARED:
        return replace(line, note=f"{line.note} It is started again.".strip())
    if entry.status == EntryStatus.STARTED:
        return _open_action(line, entry, known)
    return line


def _open_action(line: Line, entry: JournalEntry, known: Known) -> Line:
    """Begun without a result: it runs now, or nobody knows."""
    if known.run.status == Run.Status.RUNNING and entry.fence == known.run.fence:
        return replace(line, since=entry.started_at)
    return replace(line, css="medium", icon="circle-help", note="no result was noted")


def _reading(line: Line, entry: JournalEntry, known: Known) -> Line:
    found = lessons(entry.result)
    if entry.name.startswith(plan_lines.WRITES):
        return plan_lines.wrote(line, entry)
    if entry.name != "lessons":
        return replace(line, css="quiet", what=entry.name, result=entry.result)
    title = f"Earlier answers read: {len(found) or 'none'}"
    return replace(line, css="quiet", icon="message-square-quote", title=title, lessons=found)


def _wait(line: Line, entry: JournalEntry, known: Known) -> Line:
    """A wait that ends by itself: until when, and whether an answer came before."""
    result = entry.result or {}
    until = [("until", datetime.fromisoformat(result["until"]))] if "until" in result else []
    line = replace(
        line,
        what=entry.name,
        request=known.requests.get(f"{entry.request_kind}:{entry.request_id}"),
    )
    if entry.status == EntryStatus.DONE and "decided" in result:
        return replace(line, title="Answered in time")
    if entry.status == EntryStatus.DONE:
        return replace(line, css="quiet", title="Went on without an answer", later=until)
    if entry.status == EntryStatus.ABANDONED or known.run.over or line.before_restart:
        return replace(line, css="quiet", title="Stopped waiting")
    return replace(line, title="Waits, but not for ever", since=entry.started_at, later=until)
