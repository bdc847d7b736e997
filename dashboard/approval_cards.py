"""The cards of requests for approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Max
from django.template.loader import render_to_string

from approvals import page
from approvals.models import ApprovalRequest, ApprovalStatus
from dashboard.card import Card, Kind, plain
from dashboard.waiting import Waiting
from ledger.risk import RiskLevel


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
    action = plain(approval.action)
    if is_open:
        return f"{action}, {approval.risk_level} risk, asked by {plain(approval.agent_id)}"
    return f"{action}: {approval.shown_status.replace('_', ' ')}"


def _approval_counts() -> Mapping[str, Any]:
    """How many requests are open, and the highest risk among them ("" if there are none)."""
    found = ApprovalRequest.objects.open().aggregate(pending=Count("pk"), rank=Max("risk_rank"))
    risk = next((str(level) for level in RiskLevel if level.rank == found["rank"]), "")
    return {"pending": found["pending"], "risk": risk}


def inbox_head() -> Mapping[str, str]:
    """The inbox's head; as for those who may see runs, which nearly all may."""
    context = {"waiting": Waiting.now(may_see_runs=True)}
    return {"waiting": render_to_string("dashboard/_waiting.html", context)}


APPROVALS = Kind(
    needs="approvals.view_approvalrequest",
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
    beside=inbox_head,
)
