"""The inbox: what waits for a person, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.frame.context import shell_of
from ledger.clock import read_local_clock
from ledger.models import Event
from ledger.statements.paging import Page
from pages import filters
from pages.access import HtmxHttpRequest, for_members, wants_part
from pages.filters import Filter
from pages.inbox import doubts
from pages.inbox.lanes import Fragment, Lane, agents_of
from pages.inbox.rows import Row, rows
from pages.inbox.urgency import Place

PAGE = 25  # rows; more at a press
JUST_NOW = timedelta(minutes=10)
RECENT = 5  # decided rows below the waiting ones


@require_safe
@for_members
def inbox(request: HtmxHttpRequest) -> HttpResponse:
    """Open questions and runs in doubt by urgency; the address holds filter and cursor."""
    cursor = Event.objects.newest()
    frame = shell_of(request)
    lanes = [lane for lane in frame.lanes if frame.figures[lane].number]
    if not frame.lanes and not frame.idle_lanes:
        raise PermissionDenied("The inbox is shown to reviewers, auditors and operators.")
    wanted, after = Filter.read(request.GET), Place.read(request.GET.get("after", ""))
    page = _page(rows(lanes, wanted, after, PAGE + 1))
    may_see_runs = request.user.has_perm("ledger.view_run")
    doubtful = doubts.rows(wanted) if after is None and may_see_runs else []
    shown = {
        "cursor": cursor,
        "page": page,
        "rows": _merge_doubts(page.rows, doubtful),
        "filter": wanted,
        "first_page": after is None,
        "address": reverse("inbox"),
        "cursor_name": "after",
    }
    if wants_part(request) and "more" in request.GET:
        return render(request, "dashboard/_more_rows.html", shown)
    shown["waiting"] = frame.waiting
    idle = frame.idle_lanes if after is None else []
    shown["idle"] = [lane.draw(request.user, wanted, frame.idle_open[lane]) for lane in idle]
    if after is None and not page.next and not wanted:
        shown["decided"] = _draw_recent(frame.lanes)
    if wants_part(request):
        return wanted.push_address(render(request, "dashboard/_lane.html", shown), request.path)
    shown |= {"agents": _agents(lanes, doubtful), "risks": filters.RISKS}
    return render(request, "dashboard/inbox.html", shown)


def _page(found: list[Row]) -> Page:
    """A page of those rows, of which one more than a page was asked for."""
    if len(found) <= PAGE:
        return Page(found)
    return Page(found[:PAGE], str(found[PAGE - 1][0]))


def _merge_doubts(questions: list[Row], doubtful: list[doubts.Doubt]) -> list[Fragment]:
    """Both in the one order."""
    both = [*questions, *((each.place, each.draw()) for each in doubtful)]
    return [row for _, row in sorted(both, key=lambda row: row[0].key)]


def _agents(lanes: list[Lane], doubtful: list[doubts.Doubt]) -> list[str]:
    return sorted({*agents_of(lanes), *(doubt.run.agent_id for doubt in doubtful)})


def _draw_recent(lanes: Iterable[Lane]) -> list[Fragment]:
    """What people decided in the last minutes, newest first: the log knows it by its time."""
    by_label = {lane.model._meta.label_lower: lane for lane in lanes}
    events = Event.objects.filter(
        at__gt=read_local_clock() - JUST_NOW,
        kind__in=[kind for lane in by_label.values() for kind in lane.decided],
        actor__startswith="user:",
    )
    subjects = list(events.order_by("-id").values_list("subject", flat=True)[: 2 * RECENT])
    keys = defaultdict(list)
    for subject in subjects:
        label, _, key = subject.partition(":")
        keys[label].append(int(key))
    found: dict[str, Fragment] = {}
    for label, lane in by_label.items():
        decided = lane.shown(lane.model.objects.select_related(*lane.related))
        for row in decided.in_bulk(keys[label]).values():
            found[row.subject] = lane.draw(row)
    return [found[subject] for subject in dict.fromkeys(subjects) if subject in found][:RECENT]
