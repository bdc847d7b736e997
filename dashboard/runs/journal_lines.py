"""Lines of a run's timeline that come from its journal: model calls, questions, actions, readings, waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dashboard.runs.lines import Journaled, Lesson, RunLine
from ledger.models import EntryKind, EntryStatus, JournalEntry, Run
from pages import patterns
from pages.inbox.evidence import parse_value
from pages.patterns import pages_of
from pages.timeline import Line, tell_question

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


def lines(entries: Sequence[JournalEntry], known: Journaled) -> Iterator[Line]:
    """A line for each entry, in the order they were begun."""
    tellers = {
        EntryKind.MODEL: _model,
        EntryKind.QUESTION: _question,
        EntryKind.ACTION: _action,
        EntryKind.READ: _tell_reading,
        EntryKind.WAIT: _wait,
    }
    told: set[str] = set()
    for entry in entries:
        if _is_told_once(entry):
            if _subject(entry) in told:
                continue
            told.add(_subject(entry))
        yield tellers[EntryKind(entry.kind)](_plain(entry, known), entry, known)


def _is_told_once(entry: JournalEntry) -> bool:
    """Whether a run may ask about this again and again, and it is still one question."""
    found = pages_of(entry.request_kind) if entry.kind == EntryKind.QUESTION else None
    return found is not None and found.timeline.told_once


def _subject(entry: JournalEntry) -> str:
    """The subject of what was asked."""
    return f"{entry.request_kind}:{entry.request_id}"


def lessons(result: Any) -> list[Lesson]:
    """The earlier answers in what an agent read: {"requests": [ids], "lessons": [texts]}."""
    found = result if isinstance(result, dict) else {}
    ids, texts = found.get("requests"), found.get("lessons")
    if not isinstance(ids, list) or not isinstance(texts, list):
        return []
    pairs = zip(ids, texts, strict=False)
    of = str(found.get("of", ""))
    return [Lesson(pk, str(text), of) for pk, text in pairs if isinstance(pk, int)]


def _plain(entry: JournalEntry, known: Journaled) -> RunLine:
    """What all kinds have in common."""
    return RunLine(
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


def _model(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    call = known.calls[entry.pk]
    return replace(line, call=call, problem=line.problem or call.problem)


def _question(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    found = pages_of(entry.request_kind)
    tell = found.timeline.question if found else tell_question
    return tell(line, entry, known.requests.get(_subject(entry)))


def _action(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    line = replace(
        line,
        title="Action" if entry.attempt == 1 else f"Attempt {entry.attempt} of action",
        what=entry.name,
        arguments=parse_value(entry.input),
        result=entry.result if entry.status == EntryStatus.DONE else None,
        request=known.requests.get(_subject(entry)),
    )
    if entry.status == EntryStatus.CLEARED:
        return replace(line, note=f"{line.note} It is started again.".strip())
    if entry.status == EntryStatus.STARTED:
        return _open_action(line, entry, known)
    return line


def _open_action(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    """Begun without a result: it runs now, or nobody knows."""
    if known.run.status == Run.Status.RUNNING and entry.fence == known.run.fence:
        return replace(line, since=entry.started_at)
    return replace(line, css="medium", icon="circle-help", note="no result was noted")


def _tell_reading(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    for each in patterns.list_pages():
        for begins, tell in each.timeline.readings.items():
            if entry.name.startswith(begins):
                return tell(line, entry)
    found = lessons(entry.result)
    if entry.name != "lessons":
        return replace(line, css="quiet", what=entry.name, result=entry.result)
    title = f"Earlier answers read: {len(found) or 'none'}"
    return replace(line, css="quiet", icon="message-square-quote", title=title, lessons=found)


def _wait(line: RunLine, entry: JournalEntry, known: Journaled) -> Line:
    """A wait that ends by itself: until when, and whether an answer came before."""
    result = entry.result or {}
    until = [("until", datetime.fromisoformat(result["until"]))] if "until" in result else []
    line = replace(
        line,
        what=entry.name,
        request=known.requests.get(_subject(entry)),
    )
    if entry.status == EntryStatus.DONE and "decided" in result:
        return replace(line, title="Answered in time")
    if entry.status == EntryStatus.DONE:
        return replace(line, css="quiet", title="Went on without an answer", later=until)
    if entry.status == EntryStatus.ABANDONED or known.run.over or line.before_restart:
        return replace(line, css="quiet", title="Stopped waiting")
    return replace(line, title="Waits, but not for ever", since=entry.started_at, later=until)
