"""The lane "Nobody waits" of the inbox: outputs that people review when they have time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.template.loader import render_to_string

from ledger.statements.prepared import Number, Rows
from pages.filters import Filter
from reviews.models import ReviewItem
from reviews.pages import listing

NEEDS = "reviews.view_reviewitem"
SHOWN = 20  # rows; the rest is for the queue and the list


@dataclass(frozen=True)
class IdleLane:
    """The oldest open items that match the filter; `more`: there are others that match."""

    rows: list[ReviewItem]
    more: bool
    may_review: bool


def open_items() -> Any:
    """What a person can review now."""
    return ReviewItem.objects.open()


_open = Number(lambda: open_items().order_by().values_list("pk"))
_oldest = Rows(lambda: _shown(open_items()))


def _shown(rows: Any) -> Any:
    return rows.light().select_related("run", "claimed_by").order_by("id")[: SHOWN + 1]


def figures() -> dict[str, Any]:
    """How many items are open, under the name that the menu has for it."""
    return {"reviews": _open()}


def lane_for(user: User | AnonymousUser, wanted: Filter) -> IdleLane | None:
    """The lane as this person may see it; None for those who may not."""
    if not user.has_perm(NEEDS):
        return None
    found = list(_shown(listing.matching(open_items(), wanted))) if wanted else _oldest()
    may_review = user.has_perm("reviews.decide_reviewitem")
    return IdleLane(found[:SHOWN], len(found) > SHOWN, may_review)


def lane_head() -> dict[str, str]:
    """What stands beside the rows and is the same for everybody: how many there are."""
    html = render_to_string("dashboard/_idle_count.html", {"open": _open()})
    return {"count-idle": html}
