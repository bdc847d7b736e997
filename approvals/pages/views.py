"""The pages of approvals: all of them, one of them, the decision, and the edit."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals import services
from approvals.access import for_viewers
from approvals.models import ApprovalRequest
from approvals.outcome import explain_loss
from approvals.pages import listing, page, replies
from approvals.pages.edit import EditForm
from approvals.pages.forms import DecisionForm
from approvals.rules import refusal
from ledger.errors import BadInput, LedgerError
from ledger.models import Event
from ledger.requests import refusals
from pages import lists
from pages.access import HtmxHttpRequest
from pages.bodies import takes_much
from pages.filters import Filter


@require_safe
@for_viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All requests, newest first; the address holds the filter and the cursor."""
    wanted = Filter.read(request.GET, listing.STATUSES)
    rows = listing.filter_rows(ApprovalRequest.objects.select_related("run", "reviewer"), wanted)
    return lists.show_newest(request, "approvals", rows, wanted, choices=lists.offer_risks)


@require_safe
@for_viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One request."""
    return replies.show_page(request, pk)


@require_POST
@for_viewers
def decide(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Approve, reject or ask for a revision of what the page showed.

    200 with the request as it is now for htmx, 303 to it without; 403, 409, 410, 412 or 422 with
    the same, nothing decided, the reason first, and what was typed.
    """
    form = DecisionForm.read(request.POST)
    try:
        decided = form.decide(pk, by=request.user)
    except LedgerError as error:
        error = refusals.prefer_loss(error, replies.find(pk), form.digest, explain_loss)
        if isinstance(error, BadInput) and error.field == "feedback":
            typed = page.TypedDecision(form.feedback, error=error.message)
            return replies.show_page(request, pk, error.http_status, typed=typed)
        return replies.show_refusal(
            request, pk, error, page.TypedDecision(form.feedback), form.noun
        )
    return replies.show_success(request, decided)


@takes_much
@require_http_methods(["GET", "HEAD", "POST"])
@for_viewers
def edit(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """Approve with other arguments; `preview` shows the difference and decides nothing."""
    approval = replies.find(pk)
    if request.method != "POST":
        return _edit_form(request, approval)
    form, words = EditForm(approval, request.POST), DecisionForm.read(request.POST)
    try:
        if not form.is_valid():
            raise BadInput("details", "These are not arguments of the action.")
        if "preview" in request.POST:
            return _edit_page(request, approval, form, words)
        edited = services.edit_and_approve(
            pk, by=request.user, details=form.details, feedback=words.feedback, digest=words.digest
        )
    except LedgerError as error:
        error = refusals.prefer_loss(error, replies.find(pk), words.digest, explain_loss)
        if isinstance(error, BadInput):
            return _edit_page(request, approval, form, words, error)
        typed = page.TypedDecision(words.feedback, details=form.typed)
        return replies.show_refusal(request, pk, error, typed, "edit")
    return replies.show_success(request, edited)


def _edit_form(request: HtmxHttpRequest, approval: ApprovalRequest) -> HttpResponse:
    """The form to begin with; the request's own page where there is nothing to edit."""
    if approval.shown_status != "pending":
        return redirect("approvals:detail", approval.pk)
    if refusal(approval, request.user) is not None:
        return replies.show_page(request, approval.pk, 403)  # the page says why
    return _edit_page(request, approval, EditForm(approval), DecisionForm())


def _edit_page(
    request: HtmxHttpRequest,
    approval: ApprovalRequest,
    form: EditForm,
    words: DecisionForm,
    error: BadInput | None = None,
) -> HttpResponse:
    """The form, with the difference if it was asked for, or with what is wrong."""
    if error is not None and error.field not in ("details", "feedback"):
        form.add_errors({error.field: error.message})
    context = {
        "cursor": Event.objects.newest(),  # before the row, which may have changed meanwhile
        "approval": replies.find(approval.pk),
        "form": form,
        "words": words,
        "feedback_error": error.message if error and error.field == "feedback" else "",
        "refused": error is not None,
        "preview": error is None and form.details is not None,
    }
    status = 200 if error is None else error.http_status
    return render(request, "approvals/edit.html", context, status=status)
