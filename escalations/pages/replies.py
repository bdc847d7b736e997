"""What the views of one escalation answer with: always the escalation as it is now."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from escalations import lookup
from escalations.models import Escalation
from escalations.pages import page
from ledger.errors import LedgerError, UnknownId
from ledger.models import Event
from pages import banner as banners
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner

SAID = {  # by verdict
    "answer": Banner("yes", "check", "Answered.", "The agent goes on with your words."),
    "dismiss": Banner("quiet", "ban", "Dismissed.", "The agent goes on as uncertain."),
    "claim": Banner("wait", "hand", "Claimed.", "Others see that you have it in hand."),
    "release": Banner("quiet", "hand", "Released.", "Others see that it is free."),
    "hand_over": Banner("revise", "user-check", "Handed over.", "Your note stands on the page."),
    "mark": Banner("quiet", "check", "Noted.", "It counts for the agent's calibration."),
}
GO_ON = ("claim", "release")  # after these one goes on writing


def find(pk: int) -> Escalation:
    """The escalation with all that its page shows, or 404."""
    try:
        return lookup.by_id(pk)
    except UnknownId as error:
        raise Http404(str(error)) from None


def shown(request: HtmxHttpRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    """The page as it is now, or for htmx what stands on it; 404 if there is none.

    `more` goes to page.context().
    """
    cursor = Event.objects.newest()
    escalation = find(pk)
    context = page.context(escalation, request.user, cursor=cursor, **more)
    if not wants_part(request):
        return render(request, "escalations/detail.html", context, status=status)
    response = render(request, "escalations/_answer.html", context, status=status)
    response["HX-Replace-Url"] = escalation.get_absolute_url()
    return response


def refused(
    request: HtmxHttpRequest, pk: int, error: LedgerError, typed: page.Typed, noun: str
) -> HttpResponse:
    """The escalation as it is now, with the reason first and what was typed."""
    late = "The agent goes on as uncertain."
    banner = banners.refused(error, noun, typed=bool(typed), late=late)
    return shown(request, pk, error.http_status, banner=banner, typed=typed)


def done(
    request: HtmxHttpRequest, escalation: Escalation, verdict: str, typed: page.Typed
) -> HttpResponse:
    """The answer to what counts: 303 to its page, or for htmx what stands there.

    Words that are still to be sent stay in their field.
    """
    said = SAID[verdict]
    kept = typed if verdict in GO_ON else page.Typed()
    if wants_part(request):
        return shown(request, escalation.pk, toast=said, typed=kept)
    if kept:
        return shown(request, escalation.pk, banner=said, typed=kept)
    messages.success(request, f"{said.title} {said.text}")
    return HttpResponseRedirect(escalation.get_absolute_url(), status=HTTPStatus.SEE_OTHER)
