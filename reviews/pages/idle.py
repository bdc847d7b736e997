"""The lane "Nobody waits" of the inbox: outputs that people review when they have time."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from ledger.statements.prepared import Number, Rows
from pages.filters import Filter
from pages.inbox.lanes import Fragment, IdleLane, Reader
from reviews.models import ReviewItem
from reviews.pages import listing

SHOWN = 20  # rows; the rest is for the queue and the list


def open_items() -> Any:
    """What a person can review now."""
    return ReviewItem.objects.open()


_open = Number(lambda: open_items().order_by().values_list("pk"))
_oldest = Rows(lambda: _select_rows(open_items()))


def _select_rows(rows: Any) -> Any:
    return rows.light().select_related("run", "claimed_by").order_by("id")[: SHOWN + 1]


def _draw(user: Reader, wanted: Filter, count: int) -> Fragment:
    """The oldest open items that match the filter; `more`: there are others that match."""
    found = list(_select_rows(listing.filter_rows(open_items(), wanted))) if wanted else _oldest()
    context = {
        "rows": found[:SHOWN],
        "more": len(found) > SHOWN,
        "may_review": user.has_perm("reviews.decide_reviewitem"),
        "filter": wanted,
        "open": count,
    }
    return Fragment("reviews/_idle_lane.html", context)


def draw_count() -> dict[str, str]:
    """What stands beside the rows and is the same for everybody: how many there are."""
    return {"count-idle": render_to_string("reviews/_idle_count.html", {"open": _open()})}


LANE = IdleLane(
    key="reviews",
    name="Reviews",
    icon="eye",
    index="reviews:index",
    needs="reviews.view_reviewitem",
    open=_open,
    draw=_draw,
)
