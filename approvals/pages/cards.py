"""The cards of requests for approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Q

from approvals.models import ApprovalRequest, ApprovalStatus
from approvals.pages import page
from approvals.pages.listing import LANE
from pages.cards import Card, Kind, Subjects, Touched, fragments, plain
from pages.inbox.rows import draw_head

LABEL = "approvals.approvalrequest"
MOST_TOUCHED = 200  # requests of the runs that changed at once, newest first


def _approvals(keys: Iterable[int]) -> Mapping[int, ApprovalRequest]:
    return ApprovalRequest.objects.select_related(*page.ROWS).in_bulk(list(keys))


def _card(approval: ApprovalRequest, listed: bool, paged: bool) -> Card:
    pk, context = approval.pk, {"approval": approval}
    is_open = approval.shown_status == ApprovalStatus.PENDING
    facts = {
        "row": f"approval-{pk}",
        "lists": ["approvals", "pending"] if is_open else ["approvals"],
        "open": is_open,
        "label": _label(approval, is_open),
    }
    names = ["title", "outcome", "history", *(["alive"] if approval.run else [])]
    row = fragments("approvals", {"row": f"approval-{pk}"}, context, listed)
    own = fragments("approvals", {name: f"{name}-{pk}" for name in names}, context, paged)
    return Card(approval.subject, facts, row, own)


def _label(approval: ApprovalRequest, is_open: bool) -> str:
    """What is read out: "send_email, high risk, asked by support-writer"."""
    action = plain(approval.action)
    if is_open:
        return f"{action}, {approval.risk_level} risk, asked by {plain(approval.agent_id)}"
    return f"{action}: {approval.shown_status.replace('_', ' ')}"


def _find_touched(changed: Subjects) -> Iterable[Touched]:
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
    needs=LANE.needs,
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
    draw=_card,
    counts=LANE.figures,
    beside=draw_head,
    touched=_find_touched,
)
