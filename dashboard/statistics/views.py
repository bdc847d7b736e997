"""The statistics page, its files, and what pages tell of their readers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from dashboard.statistics import files
from dashboard.statistics.query import ZONE, Asked, visible
from dashboard.statistics.report import Report
from figures import looking
from figures.looking import Reading
from figures.ranges import KNOWN, zone_named
from ledger.clock import read_local_clock
from ledger.errors import BadInput, LedgerError
from ledger.models import Event
from ledger.requests import deadlines
from pages.access import HtmxHttpRequest, for_members, wants_part

ON_PAGE = 50  # rows of a table; its files have all


def _check(request: HtmxHttpRequest) -> None:
    if not visible(request.user):
        raise PermissionDenied("Statistics are shown to reviewers, auditors and operators.")


def _report(request: HtmxHttpRequest) -> Report:
    _check(request)
    deadlines.expire_due()  # with no runner alive nobody else has noticed; here they are to count
    zone = zone_named(unquote(request.COOKIES.get(ZONE, "")))
    return Report(Asked.read(request.GET, request.user, read_local_clock(), zone), request.user)


@require_safe
@for_members
def page(request: HtmxHttpRequest) -> HttpResponse:
    """The figures of a range against the time before; the address holds what is asked for."""
    cursor = Event.objects.newest()
    report = _report(request)
    asked = report.asked
    shown: dict[str, Any] = {
        "cursor": cursor,
        "report": report,
        "asked": asked,
        "known": {key: title for key, (title, _) in KNOWN.items()},
        "patterns": visible(request.user),
        "now": read_local_clock(),
        "on_page": ON_PAGE,
    }
    part = "statistics/_figures.html"
    return render(request, part if wants_part(request) else "statistics/index.html", shown)


@require_safe
@for_members
def export_csv(request: HtmxHttpRequest, table: str) -> HttpResponse:
    """One table, or all of them one after the other, for spreadsheets."""
    report = _report(request)
    return files.csv_file(_choose_tables(report, table), table, report)


@require_safe
@for_members
def export_json(request: HtmxHttpRequest, table: str) -> JsonResponse:
    """One table, or all of them by name, for programs."""
    report = _report(request)
    return files.json_file(_choose_tables(report, table), table, report)


@require_POST
@for_members
def note_look(request: HtmxHttpRequest) -> HttpResponse:
    """A page tells that its reader has it in sight; with `seconds`, how they read what they decided.

    204 whether that was worth noting or not; 404 for an unknown subject, 422 for nonsense.
    """
    _check(request)  # or the answer would tell a stranger which rows there are
    said = request.POST
    subject = said.get("subject", "")
    try:
        if "seconds" in said:
            looking.read(subject, _parse_reading(said), by=request.user)
        else:
            looking.note_look(subject, by=request.user)
    except LedgerError as error:
        return HttpResponse(str(error), content_type="text/plain", status=error.http_status)
    return HttpResponse(status=204)


def _parse_reading(said: QueryDict) -> Reading:
    try:
        seconds, seen = float(str(said["seconds"])), float(str(said.get("seen", "")))
        characters = int(str(said.get("characters", "")))
    except ValueError as error:
        raise BadInput("seconds", "These are no numbers.") from error
    return Reading.checked(seconds, seen, characters)


def _choose_tables(report: Report, name: str) -> list[Any]:
    tables = [table for table in report.tables() if name in ("all", table.name)]
    if not tables:
        raise Http404(f"There is no table {name}.")
    return tables
