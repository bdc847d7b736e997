"""The cards of runs, and of runs in doubt, which the inbox shows as something to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Q
from django.template.loader import render_to_string

from ledger.models import Run
from pages.cards import Card, Kind, fragments, plain
from pages.inbox import doubts
from pages.inbox.lanes import Fragment
from pages.inbox.rows import draw_head

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
    parts = {"run": True, "run_title": True, "run_doubt": not in_doubt, "run_cancel": run.over}
    ids = {name: f"{name.replace('_', '-')}-{pk}" for name, shown in parts.items() if shown}
    row = fragments("dashboard", {"run_row": f"run-row-{pk}"}, context, listed)
    own = fragments("dashboard", ids, context, paged)
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
    settled = Fragment("dashboard/_doubt_settled.html", {"run": run})
    row = doubts.read_doubts([run])[0].draw() if in_doubt else settled
    return Card(f"doubt:{run.pk}", facts, {name: render_to_string(*row)} if listed else {}, {})


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
    beside=draw_head,
)
