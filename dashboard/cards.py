"""One subject's fragments: its row for lists, and what its own page shows of it.

A fragment is rendered without a request: it says the same to everybody and holds no form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q
from django.template.loader import render_to_string

from approvals import page
from approvals.models import ApprovalRequest, ApprovalStatus
from dashboard.characters import is_hidden
from ledger.models import Run
from ledger.risk import RiskLevel

SEE_APPROVALS = "approvals.view_approvalrequest"
SEE_RUNS = "ledger.view_run"


@dataclass(frozen=True)
class Card:
    """`row` and `page` map element ids to HTML; empty where nobody has such a list or page open."""

    subject: str
    facts: Mapping[str, Any]  # what the script has to know: row, lists, open, label
    row: Mapping[str, str]
    page: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """How to find and draw the rows of one table, and who gets them.

    After an event of the kinds in `wide` a figure in everybody's menu is another one, so that
    every page is told; after others only pages with one of `lists`.
    """

    needs: str  # the permission of those who may see it
    lists: frozenset[str]
    wide: frozenset[str]
    load: Callable[[Iterable[int]], Mapping[int, Any]]
    draw: Callable[[Any, bool, bool], Card]  # with its row, with its page
    counts: Callable[[], Mapping[str, Any]]


def split(subject: str) -> tuple[str, int] | None:
    """The table and the key of a subject that has a card, else None."""
    label, _, pk = subject.partition(":")
    known = label in KINDS and pk.isascii() and pk.isdigit() and len(pk) < 19
    return (label, int(pk)) if known else None


def kind_of(subject: str) -> Kind:
    """The kind of a subject that has a card."""
    return KINDS[subject.partition(":")[0]]


# ---- Requests for approval


def _approvals(keys: Iterable[int]) -> Mapping[int, ApprovalRequest]:
    return ApprovalRequest.objects.select_related(*page.ROWS).in_bulk(list(keys))


def _approval_card(approval: ApprovalRequest, listed: bool, paged: bool) -> Card:
    pk, context = approval.pk, {"approval": approval}
    is_open = approval.shown_status == ApprovalStatus.PENDING
    facts = {
        "row": f"approval-{pk}",
        "lists": ["approvals", "pending"] if is_open else ["approvals"],
        "open": is_open,
        "label": _approval_label(approval, is_open),
    }
    row, own = {}, {}
    if listed:
        row[f"approval-{pk}"] = render_to_string("approvals/_row.html", context)
    for name in ("title", "outcome", "history") if paged else ():
        html = render_to_string(f"approvals/_{name}.html", context)
        if html.strip():  # an open request has no outcome; its page has a form there
            own[f"{name}-{pk}"] = html
    return Card(approval.subject, facts, row, own)


def _approval_label(approval: ApprovalRequest, is_open: bool) -> str:
    """What is read out: "send_email, high risk, asked by support-writer"."""
    action = _plain(approval.action)
    if is_open:
        return f"{action}, {approval.risk_level} risk, asked by {_plain(approval.agent_id)}"
    return f"{action}: {approval.shown_status.replace('_', ' ')}"


def _approval_counts() -> Mapping[str, Any]:
    """How many requests are open, and the highest risk among them ("" if there are none)."""
    found = ApprovalRequest.objects.open().aggregate(pending=Count("pk"), rank=Max("risk_rank"))
    risk = next((str(level) for level in RiskLevel if level.rank == found["rank"]), "")
    return {"pending": found["pending"], "risk": risk}


# ---- Runs


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
        "label": f"run {pk} of {_plain(run.agent_id)}: {run.get_status_display().lower()}",
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
    return Run.objects.exclude(status__in=Run.OVER).aggregate(
        runs=Count("pk"), doubt=Count("pk", filter=Q(status=Run.Status.IN_DOUBT))
    )


def _plain(text: str) -> str:
    """A name for a line of plain text; what hides in it is shown as an unknown character."""
    return "".join("\ufffd" if is_hidden(c) or c in "\n\t" else c for c in text)


KINDS: Mapping[str, Kind] = {
    "approvals.approvalrequest": Kind(
        needs=SEE_APPROVALS,
        lists=frozenset({"approvals", "pending"}),
        wide=frozenset(
            {
                "approvals.asked",
                "approvals.approved",
                "approvals.rejected",
                "approvals.revision_requested",
                "approvals.cancelled",
                "approvals.deadline_shortened",
            }
        ),
        load=_approvals,
        draw=_approval_card,
        counts=_approval_counts,
    ),
    "ledger.run": Kind(
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
    ),
}
LISTS = frozenset().union(*(kind.lists for kind in KINDS.values()))
