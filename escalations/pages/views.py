"""The pages of escalations: all of them, one of them with its form, the mark, the calibration."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from escalations import services
from escalations.access import for_viewers
from escalations.lookup import RELATED
from escalations.models import Escalation, Knowledge
from escalations.outcome import explain_loss
from escalations.pages import calibration as figures
from escalations.pages import listing, replies
from escalations.pages.forms import AnswerForm
from escalations.pages.page import TypedAnswer
from ledger.errors import BadInput, LedgerError
from ledger.models import Event
from ledger.requests import refusals
from ledger.statements import paging
from pages import lists
from pages.access import HtmxHttpRequest
from pages.filters import Filter

SHARES = ("50", "80", "90", "95", "99")  # percent of errors that a threshold should catch


@require_safe
@for_viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All escalations, newest first; the address holds the filter and the cursor."""
    wanted = Filter.read(request.GET, listing.STATUSES)
    rows = listing.filter_rows(Escalation.objects.select_related(*RELATED), wanted)
    return lists.show_newest(request, "escalations", rows, wanted, choices=lists.offer_risks)


@require_safe
@for_viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One escalation; `?use=` puts an earlier answer into the field."""
    earlier = _earlier(pk, request.GET.get("use", ""))
    if earlier is None:
        return replies.show_page(request, pk)
    return replies.show_page(request, pk, typed=TypedAnswer(earlier.answer, focus="answer"))


@require_POST
@for_viewers
def decide(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Answer, dismiss, claim, release or hand over what the page showed; or use an earlier answer.

    200 with the escalation as it is now for htmx, 303 to it without; 403, 409, 410, 412 or 422
    with the same, nothing changed, the reason first, and what was typed.
    """
    form = AnswerForm.read(request.POST)
    if form.use:
        return _use(request, pk, form)
    if form.verdict == "hand_over" and form.to is None:
        return replies.show_page(request, pk, typed=form.make_typed(handing=True, focus="to"))
    try:
        decided = form.decide(pk, by=request.user)
    except LedgerError as error:
        error = refusals.prefer_loss(error, replies.find(pk), form.digest, explain_loss)
        if isinstance(error, BadInput) and error.field in ("answer", "to", "note"):
            return replies.show_page(request, pk, error.http_status, typed=form.make_typed(error))
        return replies.show_refusal(request, pk, error, form.make_typed(), form.noun)
    return replies.show_success(request, decided, form.verdict, form.make_typed())


def _use(request: HtmxHttpRequest, pk: int, form: AnswerForm) -> HttpResponse:
    """The page with that earlier answer in the field, below what was typed already."""
    earlier = _earlier(pk, form.use)
    words = [form.answer.rstrip()] if form.answer.strip() else []
    if earlier is not None and earlier.answer not in form.answer:
        words.append(earlier.answer)
    return replies.show_page(
        request, pk, typed=form.make_typed(answer="\n\n".join(words), focus="answer")
    )


def _earlier(pk: int, number: str) -> Knowledge | None:
    """A kept answer of the same agent, unless it was retired."""
    key = paging.cursor(number) or 0
    agent_id = Escalation.objects.filter(pk=pk).values("agent_id")
    return Knowledge.objects.filter(pk=key, agent_id__in=agent_id, retired_at=None).first()


@require_POST
@for_viewers
def mark(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Say after the fact whether the agent's attempt was right; answers as decide() does."""
    replies.find(pk)
    try:
        marked = services.mark(pk, by=request.user, attempt_was=request.POST.get("attempt_was", ""))
    except LedgerError as error:
        return replies.show_refusal(request, pk, error, TypedAnswer(), "mark")
    return replies.show_success(request, marked, "mark", TypedAnswer())


@require_safe
@for_viewers
def calibration(request: HtmxHttpRequest) -> HttpResponse:
    """How sure each agent says it is against what people said; `?share=` of errors to be caught."""
    text = request.GET.get("share", "")
    share = text if text in SHARES else SHARES[2]
    found = [figures.figure(pair, int(share) / 100) for pair in figures.pairs()]
    context = {
        "cursor": Event.objects.newest(),
        "figures": found,
        "share": share,
        "shares": SHARES,
    }
    return render(request, "escalations/calibration.html", context)
