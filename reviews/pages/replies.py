"""Replies of the views of one item: always the item as it is now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from ledger.errors import LedgerError
from ledger.models import Event
from pages import banner as banners
from pages import replies
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner
from reviews.models import ReviewItem
from reviews.pages import page
from reviews.pages.listing import Wanted
from reviews.pages.page import Reading, TypedVerdict

SAID = {  # by status
    "approved": Banner("yes", "check", "Approved.", "It may be used."),
    "rejected": Banner("no", "x", "Rejected.", "The agent is told why."),
    "corrected": Banner(
        "revise", "pencil-line", "Corrected and approved.", "Your text is used instead."
    ),
}


def find(pk: int) -> ReviewItem:
    """The item with all that its page shows, or 404."""
    rows = ReviewItem.objects.select_related(*page.ROWS)
    return replies.find_or_404(rows, pk, "review item")


def parse_reading(request: HtmxHttpRequest) -> Reading:
    """How the address wants the output shown, and whether it belongs to the queue."""
    asked = request.GET
    view = asked.get("view", "")
    return Reading(
        view=view if view in page.VIEWS else "rendered",
        whole="all" in asked,
        queue="queue" in asked,
        wanted=Wanted.read(asked) if "queue" in asked else page.EVERYTHING,
    )


def show_page(request: HtmxHttpRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    """The page of an item as it is now, or for htmx what stands on it; 404 if there is none.

    `more` goes to page.context().
    """
    cursor = Event.objects.newest()
    item, reading = find(pk), parse_reading(request)
    context = page.context(item, request.user, reading, cursor=cursor, **more)
    if wants_part(request) and request.htmx.target == "output":
        return render(request, "reviews/_output.html", context, status=status)
    return replies.render_current(request, "reviews", context, address(pk, reading), status)


def address(pk: int, reading: Reading) -> str:
    """The page of an item, in the queue if that is where one is."""
    found = reverse("reviews:detail", args=[pk])
    return f"{found}?{reading.query}" if reading.query else found


def show_refusal(
    request: HtmxHttpRequest, pk: int, error: LedgerError, typed: TypedVerdict, noun: str
) -> HttpResponse:
    """The item with the reason first, and what was typed."""
    banner = banners.explain_refusal(error, noun, typed=bool(typed), late="")
    return show_page(request, pk, error.http_status, banner=banner, typed=typed)


def show_success(request: HtmxHttpRequest, item: ReviewItem) -> HttpResponse:
    """The answer to a verdict that counts: the item, or in the queue the next one."""
    said, reading = SAID[item.status], parse_reading(request)
    if wants_part(request) and not reading.queue:
        return show_page(request, item.pk, toast=said)
    replies.say_next(request, said)
    if not reading.queue:
        return replies.see_other(address(item.pk, reading))
    following = f"{reverse('reviews:queue')}?after={item.pk}"
    if reading.wanted:
        following = f"{following}&{reading.wanted.query}"
    if wants_part(request):
        return HttpResponseClientRedirect(following)
    return replies.see_other(following)
