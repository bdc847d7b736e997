"""The cards of requests for approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Q
from django.template.loader import render_to_string

from approvals.models import ApprovalRequest, ApprovalStatus
from approvals.pages import page
from dashboard.inbox.head import inbox_head
from dashboard.inbox.lanes import LANES
from pages.cards import Card, Kind, Subjects, Touched, plain

LANE = LANES[0]
LABEL = "approvals.approvalrequest"
MOST_TOUCHED = 200  # requests of the runs that changed at once, newest first


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
    names = ["title", "outcome", "history", *(["alive"] if approval.run else [])]
    for name in names if paged else ():
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


def _touched(changed: Subjects) -> Iterable[Touched]:
    """Requests that look different because something else changed.

    A row tells how its run is, and these runs have moved. The page of a request also tells what
    the run did, and that there is a later revision.
    """
    pages = changed.open_pages
    if not changed.moved and not pages:
        return []
    on_page = Q(run__in=changed.runs) | Q(next__in=changed.own)
    rows = ApprovalRequest.objects.filter(Q(run__in=changed.moved) | Q(on_page, pk__in=pages))
    newest = rows.order_by("-pk").values_list("pk", "run_id", "next__pk")[:MOST_TOUCHED]
    return [(pk, [f"ledger.run:{run}", f"{LABEL}:{later}"]) for pk, run, later in newest]


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
    counts=LANE.figures,
    beside=inbox_head,
    touched=_touched,
)
