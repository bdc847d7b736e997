"""The page on which a person writes what is used instead: the form, its preview, its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from ledger.errors import BadInput, LedgerError
from ledger.models import Event
from ledger.requests import refusals
from pages.access import HtmxHttpRequest
from pages.replies import see_other
from reviews import contents, rules, services
from reviews.models import ReviewItem, ReviewStatus
from reviews.outcome import explain_loss
from reviews.pages import reading_time, replies
from reviews.pages.forms import VerdictForm
from reviews.pages.page import TypedVerdict

MOST = 1024 * 1024  # bytes; beyond, a browser's text field is no place to correct it in


@dataclass(frozen=True)
class Correction:
    """The text that a person typed, and what it means."""

    typed: str
    content: Any = None
    error: str = ""


def answer(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """The form; or what became of it."""
    item, words = replies.find(pk), VerdictForm.read(request.POST)
    if request.method != "POST":
        return _begin(request, item)
    typed = _read_typed(request, item)
    try:
        content = contents.parse_correction(item.content, typed)
        if "preview" in request.POST:
            return _page(request, item, Correction(typed, content), words, preview=True)
        decided = services.correct(
            pk,
            by=request.user,
            content=content,
            feedback=words.feedback,
            digest=words.digest,
            looked=reading_time.seconds(words.opened, pk, request.user),
        )
    except LedgerError as error:
        return _show_refusal(request, pk, typed, words, error)
    return replies.show_success(request, decided)


def _read_typed(request: HtmxHttpRequest, item: ReviewItem) -> str:
    """What was typed. Browsers send CRLF, and leave out a line's end at the very end of a field."""
    typed: str = request.POST.get("content", "").replace("\r\n", "\n")
    original = contents.format_text(item.content)
    return original if typed == original.replace("\r\n", "\n") else typed


def _begin(request: HtmxHttpRequest, item: ReviewItem) -> HttpResponse:
    """The form to begin with; the item's own page where there is nothing to correct."""
    reading = replies.parse_reading(request)
    if item.status != ReviewStatus.PENDING:
        return see_other(replies.address(item.pk, reading))
    if rules.refusal(item, request.user) is not None:
        return replies.show_page(request, item.pk, 403)  # the page says why
    return _page(request, item, Correction(contents.format_text(item.content)), VerdictForm())


def _show_refusal(
    request: HtmxHttpRequest, pk: int, typed: str, words: VerdictForm, error: LedgerError
) -> HttpResponse:
    item = replies.find(pk)
    error = refusals.prefer_loss(error, item, words.digest, explain_loss)
    if isinstance(error, BadInput):
        message = error.message if error.field == "content" else ""
        return _page(request, item, Correction(typed, error=message), words, error)
    kept = TypedVerdict("\n\n".join(filter(None, (words.words, typed))), words.reasons)
    return replies.show_refusal(request, pk, error, kept, "correction")


def _page(
    request: HtmxHttpRequest,
    item: ReviewItem,
    correction: Correction,
    words: VerdictForm,
    error: BadInput | None = None,
    *,
    preview: bool = False,
) -> HttpResponse:
    """The form, with the difference if it was asked for, or with what is wrong."""
    context = {
        "cursor": Event.objects.newest(),
        "item": item,
        "reading": replies.parse_reading(request),
        "correction": correction,
        "words": words,
        "opened": words.opened or reading_time.sign_opening(item.pk, request.user),
        "feedback_error": error.message if error and error.field == "feedback" else "",
        "refused": error is not None,
        "preview": preview,
        "too_large": item.size > MOST,
    }
    status = 200 if error is None else error.http_status
    return render(request, "reviews/correct.html", context, status=status)
