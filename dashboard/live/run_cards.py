"""The cards of runs, and of runs in doubt, which the inbox shows as something to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Q
from django.template.loader import render_to_string

from dashboard.inbox import doubts
from dashboard.inbox.head import inbox_head
from ledger.models import Run
from pages.cards import Card, Kind, plain

SEE_RUNS = "ledger.view_run"
DOUBTING = frozenset({"runs.in_doubt", "runs.doubt_resolved", "runs.cancelled"})


def _runs(keys: Iterable[int]) -> Mapping[int, Run]:
    return Run.objects.select_related("requester", "owner").in_bulk(list(keys))


def _run_card(run: Run, listed: bool, paged: bool) -> Card:
    """What a person may do about a run is for the page to ask for; a frame only takes it away."""
    pk, context = run.pk, {"run": run}
    in_doubt = run.status == Run.Status.IN_DOUBT
    facts = {
        "row": f"run-row-{pk}",
        "lists": ["runs"],
        "open": not run.over,
        "label": f"Run {pk} of {plain(run.agent_id)}: {run.get_status_display().lower()}",
        "fetch": [f"run-doubt-{pk}"] if in_doubt else [],
    }
    row, own = {}, {}
    if listed:
        row[f"run-row-{pk}"] = render_to_string("dashboard/_run_row.html", context)
    if paged:
        parts = {"run": True, "run_title": True, "run_doubt": not in_doubt, "run_cancel": run.over}
        for name in (part for part, shown in parts.items() if shown):
            html = render_to_string(f"dashboard/_{name}.html", context)
            own[f"{name.replace('_', '-')}-{pk}"] = html
    return Card(run.subject, facts, row, own)


def _run_counts() -> Mapping[str, Any]:
    """How many runs are not over, and how many of them are in doubt."""
    return Run.objects.filter(status__in=Run.GOING_ON).aggregate(
        runs=Count("pk"), doubt=Count("pk", filter=Q(status=Run.Status.IN_DOUBT))
    )


def _doubt_card(run: Run, listed: bool, paged: bool) -> Card:
    in_doubt = run.status == Run.Status.IN_DOUBT
    name = f"doubt-{run.pk}"
    facts = {
        "row": name,
        "lists": ["pending"] if in_doubt else [],
        "open": in_doubt,
        "label": f"Run {run.pk} of {plain(run.agent_id)} is in doubt",
    }
    html = (
        _doubt_row(doubts.of([run])[0])
        if in_doubt
        else render_to_string("dashboard/_doubt_settled.html", {"run": run})
    )
    return Card(f"doubt:{run.pk}", facts, {name: html} if listed else {}, {})


def _doubt_row(doubt: doubts.Doubt) -> str:
    return render_to_string("dashboard/_doubt_row.html", {"doubt": doubt})


RUNS = Kind(
    needs=SEE_RUNS,
    lists=frozenset({"runs"}),
    wide=frozenset(
        {
            "runs.submitted",
            "runs.completed",
            "runs.failed",
            "runs.cancelled",
            "runs.in_doubt",
            "runs.doubt_resolved",
        }
    ),
    load=_runs,
    draw=_run_card,
    counts=_run_counts,
)
DOUBTS = Kind(
    needs=SEE_RUNS,
    lists=frozenset({"pending"}),
    wide=frozenset(),
    load=_runs,
    draw=_doubt_card,
    counts=_run_counts,
    beside=inbox_head,
)
