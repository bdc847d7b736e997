"""Replies of the views of one plan: always the plan as it is now, and all that was typed."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from ledger.errors import AlreadyDecided, LedgerError, Stale
from ledger.models import Event
from pages import banner as banners
from pages import replies
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner
from plans.models import Plan
from plans.pages import page
from plans.pages.forms import TurnForm

SAID = {  # by what the form did
    "feedback": Banner("revise", "send", "Feedback sent.", "The agent makes the next version."),
    "accepted": Banner("yes", "check", "Plan accepted.", "The agent carries it out."),
    "stopped": Banner("quiet", "ban", "Plan stopped.", "No further step begins."),
    "input": Banner("yes", "check", "Input sent.", "The step goes on."),
    "retry": Banner("revise", "rotate-ccw", "The step is tried again."),
    "said": Banner("yes", "check", "Comment kept.", "The agent gets it with the next feedback."),
    "saved": Banner("yes", "check", "Saved as a new version."),
    "deleted": Banner("yes", "check", "Deleted, in a new version."),
    "moved": Banner("yes", "check", "Moved, in a new version."),
}


def find(pk: int) -> Plan:
    """The plan, or 404."""
    rows = Plan.objects.select_related("run__requester", "run__owner")
    return replies.find_or_404(rows, pk, "plan")


def show_page(
    request: HtmxHttpRequest, pk: int, form: TurnForm, status: int = 200, **more: Any
) -> HttpResponse:
    """The page of a plan as it is now, or for htmx what stands on it; 404 if there is none."""
    cursor = Event.objects.newest()
    plan = find(pk)
    context = page.context(plan, request.user, form, cursor=cursor, **more)
    return replies.render_current(request, "plans", context, plan.get_absolute_url(), status)


def show_refusal(
    request: HtmxHttpRequest, pk: int, error: LedgerError, form: TurnForm
) -> HttpResponse:
    """The plan as it is now with the reason first; nothing has changed and nothing typed is lost."""
    return show_page(request, pk, form, error.http_status, banner=_banner(error, form))


def _banner(error: LedgerError, form: TurnForm) -> Banner:
    kept = " What you had typed is kept." if form.typed else ""
    if isinstance(error, Stale):
        text = f"{error} It is shown now; nothing was changed.{kept}"
        return Banner("wait", "info", "This page was out of date.", text)
    if isinstance(error, AlreadyDecided):
        text = f"Your {form.noun} did not count.{kept}"
        return Banner("no", "circle-alert", str(error), text)
    return banners.explain_refusal(error, form.noun, typed=form.typed, late="Nothing runs.")


def show_success(request: HtmxHttpRequest, pk: int, did: str, form: TurnForm) -> HttpResponse:
    """The answer to what counts: 303 to the page; 200 with it for htmx, or where words are open."""
    said = SAID.get(did)
    if wants_part(request):
        return show_page(request, pk, form, toast=said)
    if said is not None:
        replies.say_next(request, said)
    if form.typed or form.focus:
        return show_page(request, pk, form)
    return replies.see_other(reverse("plans:detail", args=[pk]))
