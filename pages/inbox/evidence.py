"""Evidence about a run in doubt, for the person who has to say what happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ledger.clock import read_local_clock
from ledger.models import RUNNER_SILENT_AFTER, JournalEntry, Run, Runner
from pages import patterns

DIVERGED = "diverged"


@dataclass(frozen=True)
class Evidence:
    """Of an action with an unknown outcome (`entry`), or of an agent that asks something else.

    `before` and `after` are what the journal has and what was asked now, where they differ.
    """

    kind: str  # "action" or "diverged"
    name: str  # of the action, or the key at which they differ
    why: str
    entry: JournalEntry | None = None
    arguments: Any = None
    promises: str = ""
    runner: Runner | None = None
    runner_alive: bool = False
    before: Any = None
    after: Any = None

    @property
    def asked(self) -> str:
        """The subject of what allowed the action; "" if nothing did."""
        entry = self.entry
        return f"{entry.request_kind}:{entry.request_id}" if entry and entry.request_id else ""


def read_evidence(run: Run) -> Evidence | None:
    """The evidence about a run in doubt; None for any other run."""
    if run.status != Run.Status.IN_DOUBT:
        return None
    doubt = run.doubt or {}
    if doubt.get("kind") != "action":
        return Evidence(
            kind=DIVERGED,
            name=str(doubt.get("key", "")),
            why=str(doubt.get("why", "")),
            before=parse_value(doubt.get("was")),
            after=parse_value(doubt.get("now")),
        )
    entry = run.journal.filter(pk=doubt.get("entry") or 0).first()
    runner = Runner.objects.filter(pk=entry.runner).first() if entry else None
    return Evidence(
        kind="action",
        name=str(doubt.get("name", "")),
        why=str(doubt.get("why", "")),
        entry=entry,
        arguments=parse_value(entry.input) if entry else None,
        promises=_promises(str(doubt.get("name", ""))),
        runner=runner,
        runner_alive=runner is not None
        and not runner.stopped
        and read_local_clock() - runner.seen_at < RUNNER_SILENT_AFTER,
    )


def about(run: Run) -> str:
    """Which doubt a page shows: an answer to another one does not count."""
    return f"{run.generation}.{run.fence}" if run.status == Run.Status.IN_DOUBT else ""


def parse_value(text: Any) -> Any:
    """The JSON value of a stored text; the text itself where it is none."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


def _promises(name: str) -> str:
    declared = patterns.find_action(name)
    if declared is None:
        return "Nothing; it is not registered here."
    again = "Idempotent" if declared.idempotent else "Not idempotent"
    undo = "can be undone" if declared.undoable else "cannot be undone"
    return f"{again}; {undo}."
