"""How wishes look: their page, lane, cards, lines of a timeline, and what only they have figures of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from ledger.models import Event
from pages.access import HtmxHttpRequest, needs
from pages.cards import Card, Kind, fragments
from pages.filters import Filter
from pages.inbox.lanes import Lane
from pages.inbox.rows import draw_head
from pages.statistics.section import Column, Section, Stretch, Table, Tile
from pages.timeline import Timeline, decision, tell_question
from tests.toy_pattern.models import Wish

NEEDS = "wishes.view_wish"
for_viewers = needs(NEEDS, "Wishes are shown to those who may see them.")


@for_viewers
def index(request: HtmxHttpRequest) -> HttpResponse:
    """All of them."""
    shown = {"wishes": Wish.objects.order_by("-pk"), "cursor": Event.objects.newest()}
    return render(request, "wishes/index.html", shown)


@for_viewers
def detail(request: HtmxHttpRequest, pk: int) -> HttpResponse:
    """One of them."""
    shown = {"wish": get_object_or_404(Wish, pk=pk), "cursor": Event.objects.newest()}
    return render(request, "wishes/detail.html", shown)


app_name = "wishes"
urlpatterns = [path("", index, name="index"), path("<int:pk>/", detail, name="detail")]


def _matching(rows: Any, wanted: Filter) -> Any:
    return wanted.apply(
        rows,
        has_status=lambda status: Q(status=status),
        has_text=lambda text: Q(wanted__icontains=text),
    )


LANE = Lane(
    key="wishes",
    name="Wishes",
    icon="hand",
    index="wishes:index",
    needs=NEEDS,
    model=Wish,
    row="wishes/_row.html",
    variable="wish",
    related=("run", "reviewer"),
    matching=_matching,
    decided=("wishes.granted",),
)


def _wishes(keys: Iterable[int]) -> Mapping[int, Wish]:
    return Wish.objects.select_related("run", "reviewer").in_bulk(list(keys))


def _card(wish: Wish, listed: bool, paged: bool) -> Card:
    is_open, context = wish.status == "pending", {"wish": wish}
    facts = {
        "row": f"wish-{wish.pk}",
        "lists": ["wishes", "pending"] if is_open else ["wishes"],
        "open": is_open,
        "label": f"wish for {wish.wanted}",
    }
    row = fragments("wishes", {"row": f"wish-{wish.pk}"}, context, listed)
    own = fragments("wishes", {"outcome": f"outcome-{wish.pk}"}, context, paged)
    return Card(wish.subject, facts, row, own)


WISHES = Kind(
    needs=NEEDS,
    lists=frozenset({"wishes", "pending"}),
    wide=frozenset({"wishes.asked", "wishes.granted"}),
    load=_wishes,
    draw=_card,
    counts=LANE.figures,
    beside=draw_head,
)
TIMELINE = Timeline(
    events={"wishes.granted": decision("yes", "check", "granted")},
    question=partial(tell_question, title="Wish"),
)


def report(stretch: Stretch) -> Section:
    """How many wishes came true."""
    granted = Wish.objects.filter(status="granted").count()
    columns = [Column("agent", "Agent", "text"), Column("granted", "Granted")]
    table = Table("wishes", "Wishes that came true", columns, [["wisher", granted]])
    return Section(tiles=[Tile("Wishes come true", str(granted))], tables=[table])
