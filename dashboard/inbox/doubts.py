"""Runs in doubt as rows of the inbox: somebody has to say whether an action ran."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from approvals import actions
from approvals.models import ApprovalRequest
from ledger.models import JournalEntry, Run
from ledger.risk import RiskLevel
from ledger.statements.prepared import Rows
from pages.filters import Filter
from pages.urgency import Place

MOST = 50  # rows; the page of all runs has the rest


@dataclass(frozen=True)
class Doubt:
    """One row. `name` is the action, "" when the agent's code and its journal disagree."""

    run: Run
    entry: JournalEntry | None
    name: str
    preview: str
    risk: str

    def place(self, table: int) -> Place:
        """Among the questions of its risk it stands last: it has no deadline."""
        return Place(RiskLevel(self.risk).rank, None, table, self.run.pk)


def rows(wanted: Filter) -> list[Doubt]:
    """The newest runs in doubt that match the filter; three queries."""
    return [doubt for doubt in of(_newest()) if _matches(doubt, wanted)]


_newest = Rows(lambda: Run.objects.filter(status=Run.Status.IN_DOUBT).order_by("-pk")[:MOST])


def of(runs: list[Run]) -> list[Doubt]:
    """Those runs, which are in doubt, as rows; two queries."""
    if not runs:
        return []
    entries = JournalEntry.objects.in_bulk(_numbers((run.doubt or {}).get("entry") for run in runs))
    label = ApprovalRequest._meta.label_lower
    asked = ApprovalRequest.objects.in_bulk(
        _numbers(each.request_id for each in entries.values() if each.request_kind == label)
    )
    return [_doubt(run, entries, asked) for run in runs]


def _numbers(values: Iterable[object]) -> list[int]:
    return [value for value in values if isinstance(value, int)]


def _doubt(run: Run, entries: dict[int, JournalEntry], asked: dict[int, ApprovalRequest]) -> Doubt:
    about = run.doubt or {}
    entry = entries.get(about.get("entry", 0))
    approval = asked.get(entry.request_id or 0) if entry is not None else None
    name = str(about.get("name", ""))
    known = actions.get(name)
    # Of a run that nobody can judge, the cautious guess.
    risk = approval.risk_level if approval else known.floor if known else RiskLevel.HIGH
    return Doubt(run, entry, name, approval.preview if approval else "", str(risk))


def _matches(doubt: Doubt, wanted: Filter) -> bool:
    if wanted.agent and doubt.run.agent_id != wanted.agent:
        return False
    text = " ".join([doubt.name, doubt.preview, doubt.run.agent_id, doubt.run.task])
    return wanted.wants_risk(doubt.risk) and wanted.text.lower() in text.lower()
