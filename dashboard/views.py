"""The inbox: what waits for a person, the most urgent first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals import listing, urgency
from approvals.access import HtmxHttpRequest, for_viewers, wants_part
from approvals.models import ApprovalRequest
from dashboard import context, doubts
from dashboard.doubts import Doubt
from dashboard.waiting import Waiting
from ledger.clock import shown_now
from ledger.models import Event

JUST_NOW = timedelta(minutes=10)
RECENT = 5  # decided rows below the waiting ones
DECIDED = ("approvals.approved", "approvals.rejected", "approvals.revision_requested")


@require_safe
@for_viewers
def inbox(request: HtmxHttpRequest) -> HttpResponse:
    """Pending requests and runs in doubt by urgency; the address holds filter and cursor."""
    cursor = context.cursor()
    wanted = replace(listing.Filter.read(request.GET), status="")
    after = urgency.Place.read(request.GET.get("after", ""))
    waiting = ApprovalRequest.objects.open()
    page = urgency.page(wanted.apply(waiting.select_related("run", "reviewer")), after)
    may_see_runs = request.user.has_perm("ledger.view_run")
    doubtful = doubts.rows(wanted) if after is None and may_see_runs else []
    shown = {
        "cursor": cursor,
        "page": page,
        "rows": _merged(page.rows, doubtful),
        "filter": wanted,
        "first_page": after is None,
        "address": reverse("inbox"),
        "cursor_name": "after",
    }
    if wants_part(request) and "more" in request.GET:
        return render(request, "dashboard/_more_rows.html", shown)
    shown["waiting"] = Waiting.now(may_see_runs)
    if after is None and not page.next and not wanted:
        shown["decided"] = _just_decided()
    if wants_part(request):
        return wanted.pushed(render(request, "dashboard/_lane.html", shown), request.path)
    agents = {*listing.agents_of(waiting), *(doubt.run.agent_id for doubt in doubtful)}
    shown |= {"agents": sorted(agents), "risks": listing.RISKS}
    return render(request, "dashboard/inbox.html", shown)


def _merged(requests: list[ApprovalRequest], doubtful: list[Doubt]) -> list[dict[str, Any]]:
    """Both kinds in the one order; each row says by its key what it is."""
    rows = [(urgency.Place.of(each), {"approval": each}) for each in requests]
    both: list[tuple[urgency.Place, dict[str, Any]]]
    both = [*rows, *((each.place, {"doubt": each}) for each in doubtful)]
    return [row for _, row in sorted(both, key=lambda each: each[0].key[:3])]


def _just_decided() -> list[ApprovalRequest]:
    """What people decided in the last minutes, newest first: the log knows it by its time."""
    events = Event.objects.filter(
        at__gt=shown_now() - JUST_NOW, kind__in=DECIDED, actor__startswith="user:"
    )
    subjects = events.order_by("-id").values_list("subject", flat=True)[: 2 * RECENT]
    keys = [int(subject.rpartition(":")[2]) for subject in subjects]
    rows = ApprovalRequest.objects.exclude(status="needs_revision", resolution="edited")
    found = rows.select_related("run", "reviewer").in_bulk(keys)
    return [found[key] for key in keys if key in found][:RECENT]
