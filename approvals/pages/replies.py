"""Replies of the views of one request: always the request as it is now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from approvals.models import ApprovalRequest
from approvals.pages import page
from ledger.errors import LedgerError
from ledger.models import Event
from pages import banner as banners
from pages import replies
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner

SAID = {  # by status
    "approved": Banner("yes", "check", "Approved.", "The agent goes on."),
    "rejected": Banner("no", "x", "Rejected.", "The agent is told why."),
    "needs_revision": Banner(
        "revise", "pencil-line", "Revision requested.", "The agent gets your words."
    ),
}


def find(pk: int) -> ApprovalRequest:
    """The request with all that its page shows, or 404."""
    rows = ApprovalRequest.objects.select_related(*page.ROWS)
    return replies.find_or_404(rows, pk, "request")


def show_page(request: HtmxHttpRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    """The page of a request as it is now, or for htmx what stands on it; 404 if there is none.

    `more` goes to page.context().
    """
    cursor = Event.objects.newest()
    approval = find(pk)
    context = page.context(approval, request.user, cursor=cursor, **more)
    return replies.render_current(
        request, "approvals", context, approval.get_absolute_url(), status
    )


def show_refusal(
    request: HtmxHttpRequest, pk: int, error: LedgerError, typed: page.TypedDecision, noun: str
) -> HttpResponse:
    """The request (a later revision, if that is current) with the reason first."""
    current = getattr(error, "current", None)
    banner = banners.explain_refusal(error, noun, typed=bool(typed), late="Nothing runs.")
    current_pk = pk if current is None else current.pk
    return show_page(request, current_pk, error.http_status, banner=banner, typed=typed)


def show_success(request: HtmxHttpRequest, approval: ApprovalRequest) -> HttpResponse:
    """The answer to a decision that counts: 303 to its page, or for htmx what stands there."""
    said = SAID[approval.status]
    if wants_part(request):
        return show_page(request, approval.pk, toast=said)
    replies.say_next(request, said)
    return replies.see_other(approval.get_absolute_url())
