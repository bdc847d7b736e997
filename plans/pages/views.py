"""The pages of plans: all of them, one of them with everything people can do, two versions."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from ledger.errors import BadInput, LedgerError, UnknownId
from ledger.models import Event
from ledger.statements import paging
from pages import lists
from pages.access import HtmxHttpRequest
from pages.filters import Filter
from plans import figures, lookup
from plans.access import for_viewers
from plans.models import Plan
from plans.pages import listing, page, replies
from plans.pages.forms import TurnForm


@require_safe
@for_viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All plans, newest first; the address holds the filter and the cursor."""
    wanted = Filter.read(request.GET, listing.STATUSES)
    rows = listing.plans(Plan.objects.select_related("run"), wanted)
    return lists.show_newest(
        request,
        "plans",
        rows,
        wanted,
        choices=lists.offer_risks,
        about=lambda rows: {"figures": figures.add_up(rows)},
    )


@require_safe
@for_viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One plan as it is now."""
    return replies.show_page(request, pk, TurnForm())


@require_POST
@for_viewers
def change(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Whatever was pressed on the page of a plan.

    200 with the plan as it is now for htmx, and where something stays open; 303 to it else. 403,
    409, 412 or 422 with the same, nothing changed, the reason first, and all that was typed.
    """
    plan, form = replies.find(pk), TurnForm.read(request.POST)
    try:
        did = form.act(plan, by=request.user)
    except BadInput as error:
        form.errors[error.field] = error.message
        return replies.show_refusal(request, pk, error, form)
    except UnknownId as error:
        raise Http404(str(error)) from None
    except LedgerError as error:
        return replies.show_refusal(request, pk, error, form)
    return replies.show_success(request, pk, did, form)


@require_safe
@for_viewers
def version(request: HtmxHttpRequest, pk: int, number: int) -> HttpResponse:
    """One version, to be read."""
    plan = replies.find(pk)
    try:
        found = lookup.version_of(plan, number)
    except UnknownId as error:
        raise Http404(str(error)) from None
    context = {
        "plan": plan,
        "version": found,
        "steps": lookup.steps_of(plan, number),
        "cursor": Event.objects.newest(),
    }
    return render(request, "plans/version.html", context)


@require_safe
@for_viewers
def compare(request: HtmxHttpRequest, pk: int, before: int, after: int) -> HttpResponse:
    """The difference between two versions, by the steps' identity."""
    plan = replies.find(pk)
    try:
        versions = [lookup.version_of(plan, number) for number in (before, after)]
    except UnknownId as error:
        raise Http404(str(error)) from None
    context = {
        "plan": plan,
        "before": versions[0],
        "after": versions[1],
        "changes": page.comparison(plan, before, after),
        "numbers": range(1, plan.version + 1),
        "cursor": Event.objects.newest(),
    }
    return render(request, "plans/compare.html", context)


@require_safe
@for_viewers
def choose(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """The comparison that two selects ask for: `?before=1&after=3`."""
    numbers = []
    for name in ("before", "after"):
        number = paging.cursor(request.GET.get(name))
        if number is None:
            raise Http404("Which versions?")
        numbers.append(number)
    return compare(request, pk, *numbers)
