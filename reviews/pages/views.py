"""The pages of reviews: all of them, the queue, one item, the verdict, the correction, the claim."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ledger.errors import BadInput, LedgerError
from ledger.models import Event
from ledger.requests import refusals
from ledger.statements import paging
from pages import lists
from pages.access import HtmxHttpRequest
from pages.bodies import takes_much
from pages.replies import see_other
from reviews import claims
from reviews.access import for_viewers
from reviews.models import ReviewItem
from reviews.outcome import explain_loss
from reviews.pages import correcting, listing, replies
from reviews.pages.forms import VerdictForm
from reviews.pages.listing import Wanted
from reviews.pages.page import Reading, TypedVerdict

FURTHEST = 2**62  # beyond every id


@require_safe
@for_viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All items, newest first; the address holds the filter and the cursor."""
    wanted = Wanted.read(request.GET, listing.STATUSES)
    items = ReviewItem.objects.light().select_related("run", "reviewer", "claimed_by")
    rows = listing.filter_rows(items, wanted)
    may_review = request.user.has_perm("reviews.decide_reviewitem")
    return lists.show_newest(
        request,
        "reviews",
        rows,
        wanted,
        choices=lambda: {"types": listing.types(), "may_review": may_review},
    )


@require_safe
@for_viewers
def queue(request: HtmxHttpRequest) -> HttpResponse:
    """Hand out the next item, claimed for this person, and show it.

    Without `after` or `before` it is the one that they have in hand already, so that the same
    address twice is the same item. Past the last one it begins again with the oldest.
    """
    if not request.user.has_perm("reviews.decide_reviewitem"):
        raise PermissionDenied("The queue is for those who may review outputs.")
    wanted, cursor = Wanted.read(request.GET), Event.objects.newest()  # before the rows
    found = _take_next(request, wanted)
    if found is None:
        context = {"cursor": cursor, "filter": wanted}
        return render(request, "reviews/queue_empty.html", context)
    return see_other(replies.address(found.pk, Reading(queue=True, wanted=wanted)))


def _take_next(request: HtmxHttpRequest, wanted: Wanted) -> ReviewItem | None:
    rows, user = listing.queue_rows(wanted), request.user
    after, before = (paging.cursor(request.GET.get(name)) for name in ("after", "before"))
    found = claims.take_next(user, rows=rows, after=after, before=before)
    if found is None and after is not None:
        found = claims.take_next(user, rows=rows, after=0)
    if found is None and before is not None:
        found = claims.take_next(user, rows=rows, before=FURTHEST)
    return found


@require_safe
@for_viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One item; `view` and `all` say how its output is shown."""
    return replies.show_page(request, pk)


@require_POST
@for_viewers
def decide(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Approve or reject what the page showed.

    In the queue the next item follows. 403, 409, 412 or 422 show the item as it is now, nothing
    decided, the reason first, and what was typed.
    """
    form = VerdictForm.read(request.POST)
    typed = TypedVerdict(form.words, form.reasons, opened=form.opened)
    try:
        decided = form.decide(pk, by=request.user)
    except LedgerError as error:
        error = refusals.prefer_loss(error, replies.find(pk), form.digest, explain_loss)
        if isinstance(error, BadInput) and error.field == "feedback":
            typed = TypedVerdict(form.words, form.reasons, error.message, form.opened)
            return replies.show_page(request, pk, error.http_status, typed=typed)
        return replies.show_refusal(request, pk, error, typed, form.noun)
    return replies.show_success(request, decided)


@takes_much
@require_http_methods(["GET", "HEAD", "POST"])
@for_viewers
def correct(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Correct and approve; `preview` shows the difference and decides nothing."""
    return correcting.answer(request, pk)


@require_POST
@for_viewers
def claim(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Take an item in hand, or with `act=release` give it back; then its page."""
    replies.find(pk)
    try:
        if request.POST.get("act") == "release":
            claims.give_back(pk, by=request.user)
            messages.success(request, "Given back. It is in the queue again.")
        else:
            claims.claim(pk, by=request.user)
            messages.success(request, "Claimed. It is yours for 15 minutes.")
    except LedgerError as error:
        return replies.show_refusal(request, pk, error, TypedVerdict(), "claim")
    return see_other(replies.address(pk, replies.parse_reading(request)))
