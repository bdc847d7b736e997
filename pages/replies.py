"""What the views of one request answer with: its page as it is now, or for htmx what stands on it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from ledger.errors import UnknownId
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner

R = TypeVar("R")


def find_or_404(by_id: Callable[[Any], R], pk: int) -> R:
    """The row, or 404 with the sentence that there is none."""
    try:
        return by_id(pk)
    except UnknownId as error:
        raise Http404(str(error)) from None


def render_current(
    request: HtmxHttpRequest, app: str, context: dict[str, Any], address: str, status: int = 200
) -> HttpResponse:
    """The whole page, or for htmx the part that an act changes, shown under `address`."""
    if not wants_part(request):
        return render(request, f"{app}/detail.html", context, status=status)
    response = render(request, f"{app}/_answer.html", context, status=status)
    response["HX-Replace-Url"] = address
    return response


def see_other(where: str) -> HttpResponse:
    """To another page, by GET."""
    return HttpResponseRedirect(where, status=HTTPStatus.SEE_OTHER)


def say_next(request: HtmxHttpRequest, said: Banner) -> None:
    """Have the next page say what was done."""
    messages.success(request, f"{said.title} {said.text}".strip())
