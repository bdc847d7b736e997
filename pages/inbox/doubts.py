"""Runs in doubt as rows of the inbox: somebody has to say whether an action ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ledger import patterns as ground
from ledger.models import JournalEntry, Run
from ledger.requests.models import HumanRequest
from ledger.risk import RiskLevel
from ledger.statements.prepared import Rows
from pages import patterns
from pages.filters import Filter
from pages.inbox.lanes import Fragment
from pages.inbox.urgency import Place

MOST = 50  # rows; the page of all runs has the rest
TABLE = 99  # that they count as in the order of the inbox: the last one


@dataclass(frozen=True)
class Doubt:
    """One row. `name` is the action, "" when the agent's code and its journal disagree."""

    run: Run
    entry: JournalEntry | None
    name: str
    preview: str
    risk: str

    @property
    def place(self) -> Place:
        """Among the questions of its risk it stands last: it has no deadline."""
        return Place(RiskLevel(self.risk).rank, None, TABLE, self.run.pk)

    def draw(self) -> Fragment:
        """Its row."""
        return Fragment("_doubt_row.html", {"doubt": self})


def rows(wanted: Filter) -> list[Doubt]:
    """The newest runs in doubt that match the filter; three queries."""
    return [doubt for doubt in read_doubts(_newest()) if _matches(doubt, wanted)]


_newest = Rows(lambda: Run.objects.filter(status=Run.Status.IN_DOUBT).order_by("-pk")[:MOST])


def read_doubts(runs: list[Run]) -> list[Doubt]:
    """Those runs, which are in doubt, as rows; two queries."""
    if not runs:
        return []
    numbers = _numbers((run.doubt or {}).get("entry") for run in runs)
    entries = JournalEntry.objects.in_bulk(numbers)
    allowed = _find_permits(entries.values())
    return [_doubt(run, entries, allowed) for run in runs]


def _numbers(values: Iterable[object]) -> list[int]:
    return [value for value in values if isinstance(value, int)]


def _find_permits(entries: Iterable[JournalEntry]) -> dict[str, HumanRequest]:
    """What people or rules were asked before these actions, by its subject."""
    asked = defaultdict(list)
    for entry in entries:
        if entry.request_id is not None and ground.is_known(entry.request_kind):
            asked[entry.request_kind].append(entry.request_id)
    rows = (ground.get(label).model.objects.in_bulk(keys) for label, keys in asked.items())
    return {row.subject: row for found in rows for row in found.values()}


def _doubt(run: Run, entries: dict[int, JournalEntry], allowed: dict[str, HumanRequest]) -> Doubt:
    about = run.doubt or {}
    entry = entries.get(about.get("entry", 0))
    asked = allowed.get(f"{entry.request_kind}:{entry.request_id}") if entry else None
    name = str(about.get("name", ""))
    known = patterns.find_action(name)
    # Of a run that nobody can judge, the cautious guess.
    risk = getattr(asked, "risk_level", known.floor if known else RiskLevel.HIGH)
    return Doubt(run, entry, name, getattr(asked, "preview", ""), str(risk))


def _matches(doubt: Doubt, wanted: Filter) -> bool:
    if wanted.agent and doubt.run.agent_id != wanted.agent:
        return False
    text = " ".join([doubt.name, doubt.preview, doubt.run.agent_id, doubt.run.task])
    return wanted.wants_risk(doubt.risk) and wanted.text.lower() in text.lower()
