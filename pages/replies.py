"""Replies of the views of one request: its page as it is now, or for htmx what stands on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from ledger.errors import UnknownId
from pages.access import HtmxHttpRequest, wants_part
from pages.banner import Banner

M = TypeVar("M", bound=Model)


def find_or_404(rows: QuerySet[M], pk: int, what: str) -> M:
    """The row of that id, or 404 with the sentence that there is no such `what`."""
    try:
        return rows.get(pk=pk)
    except (ObjectDoesNotExist, OverflowError):
        raise Http404(str(UnknownId(what, pk))) from None


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
