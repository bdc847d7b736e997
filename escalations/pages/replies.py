"""Replies of the views of one escalation: always the escalation as it is now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from escalations import lookup
from escalations.models import Escalation
from escalations.pages import page
from ledger.errors import LedgerError
from ledger.models import Event
from pages import banner as banners
from pages import replies
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner

SAID = {  # by verdict
    "answer": Banner("yes", "check", "Answered.", "The agent goes on with your words."),
    "dismiss": Banner("quiet", "ban", "Dismissed.", "The agent goes on as uncertain."),
    "claim": Banner("wait", "hand", "Claimed.", "Others see that you have it in hand."),
    "release": Banner("quiet", "hand", "Given back.", "Others see that it is free."),
    "hand_over": Banner("revise", "user-check", "Handed over.", "Your note stands on the page."),
    "mark": Banner("quiet", "check", "Noted.", "It counts for the agent's calibration."),
}
GO_ON = ("claim", "release")  # after these one goes on writing


def find(pk: int) -> Escalation:
    """The escalation with all that its page shows, or 404."""
    rows = Escalation.objects.select_related(*lookup.RELATED)
    return replies.find_or_404(rows, pk, "escalation")


def show_page(request: HtmxHttpRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    """The page as it is now, or for htmx what stands on it; 404 if there is none.

    `more` goes to page.context().
    """
    cursor = Event.objects.newest()
    escalation = find(pk)
    context = page.context(escalation, request.user, cursor=cursor, **more)
    address = escalation.get_absolute_url()
    return replies.render_current(request, "escalations", context, address, status)


def show_refusal(
    request: HtmxHttpRequest, pk: int, error: LedgerError, typed: page.TypedAnswer, noun: str
) -> HttpResponse:
    """The escalation as it is now, with the reason first and what was typed."""
    late = "The agent goes on as uncertain."
    banner = banners.explain_refusal(error, noun, typed=bool(typed), late=late)
    return show_page(request, pk, error.http_status, banner=banner, typed=typed)


def show_success(
    request: HtmxHttpRequest, escalation: Escalation, verdict: str, typed: page.TypedAnswer
) -> HttpResponse:
    """The answer to what counts: 303 to its page, or for htmx what stands there.

    Words that are still to be sent stay in their field.
    """
    said = SAID[verdict]
    kept = typed if verdict in GO_ON else page.TypedAnswer()
    if wants_part(request):
        return show_page(request, escalation.pk, toast=said, typed=kept)
    if kept:
        return show_page(request, escalation.pk, banner=said, typed=kept)
    replies.say_next(request, said)
    return replies.see_other(escalation.get_absolute_url())
