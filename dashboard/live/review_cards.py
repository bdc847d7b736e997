"""The cards of outputs under review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.template.loader import render_to_string

from dashboard.inbox import idle
from pages.cards import Card, Kind, plain
from reviews.models import ReviewItem, ReviewStatus

ROWS = ("run", "reviewer", "claimed_by")


def _items(keys: Iterable[int]) -> Mapping[int, ReviewItem]:
    return ReviewItem.objects.light().select_related(*ROWS).in_bulk(list(keys))


def _card(item: ReviewItem, listed: bool, paged: bool) -> Card:
    pk, context = item.pk, {"item": item}
    is_open = item.status == ReviewStatus.PENDING
    facts = {
        "row": f"review-{pk}",
        "lists": ["reviews", "idle"] if is_open else ["reviews"],
        "open": is_open,
        "label": _label(item, is_open),
    }
    row, own = {}, {}
    if listed:
        row[f"review-{pk}"] = render_to_string("reviews/_row.html", context)
    for name in ("title", "outcome", "claim", "history") if paged else ():
        html = render_to_string(f"reviews/_{name}.html", context)
        if html.strip():  # an open item has no outcome; its page has a form there
            own[f"{name}-{pk}"] = html
    return Card(item.subject, facts, row, own)


def _label(item: ReviewItem, is_open: bool) -> str:
    """What is read out: "newsletter for review, from support-writer"."""
    kind = plain(item.output_type)
    if is_open:
        return f"{kind} for review, from {plain(item.agent_id)}"
    return f"{kind}: {item.get_status_display().lower()}"


REVIEWS = Kind(
    needs=idle.NEEDS,
    lists=frozenset({"reviews", "idle"}),
    wide=frozenset(
        {
            "reviews.added",
            "reviews.approved",
            "reviews.rejected",
            "reviews.corrected",
            "reviews.released",
            "reviews.cancelled",
        }
    ),
    load=_items,
    draw=_card,
    counts=idle.figures,
    beside=idle.lane_head,
)
