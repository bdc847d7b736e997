"""The page of all requests of a pattern: newest first, filtered, a part of it for htmx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from ledger.models import Event
from ledger.statements import paging
from pages import filters
from pages.access import HtmxHttpRequest, wants_part
from pages.filters import Filter


def show_newest(
    request: HtmxHttpRequest,
    app: str,
    rows: QuerySet[Any],
    wanted: Filter,
    *,
    choices: Callable[[], dict[str, Any]],
    about: Callable[[Sequence[Any]], dict[str, Any]] | None = None,
) -> HttpResponse:
    """The rows as templates/`app` draws them: more rows, the list, or the page around both.

    The address holds the filter and the cursor. `rows` are filtered already; `choices` are what
    the filters of the whole page offer, and `about` is what its list says of the rows it shows.
    """
    cursor = Event.objects.newest()
    before = paging.cursor(request.GET.get("before"))
    page = paging.newest_first(rows, before, reach=paging.REACH if wanted.text else None)
    context = {
        "cursor": cursor,
        "page": page,
        "filter": wanted,
        "first_page": before is None,
        "address": request.path,
        "cursor_name": "before",
    }
    if wants_part(request) and "more" in request.GET:
        return render(request, f"{app}/_more_rows.html", context)
    if about is not None:
        context |= about(page.rows)
    if wants_part(request):
        return wanted.push_address(render(request, f"{app}/_list.html", context), request.path)
    context |= {"agents": filters.agents(rows.model), "statuses": wanted.statuses, **choices()}
    return render(request, f"{app}/index.html", context)


def offer_risks() -> dict[str, Any]:
    """The choices of a list whose rows have a risk."""
    return {"risks": filters.RISKS}
