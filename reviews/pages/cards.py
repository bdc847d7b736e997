"""The cards of outputs under review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pages.cards import Card, Kind, fragments, plain
from reviews.models import ReviewItem, ReviewStatus
from reviews.pages.idle import LANE, draw_count

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
    parts = {name: f"{name}-{pk}" for name in ("title", "outcome", "claim", "history")}
    row = fragments("reviews", {"row": f"review-{pk}"}, context, listed)
    own = fragments("reviews", parts, context, paged)
    return Card(item.subject, facts, row, own)


def _label(item: ReviewItem, is_open: bool) -> str:
    """What is read out: "newsletter for review, from support-writer"."""
    kind = plain(item.output_type)
    if is_open:
        return f"{kind} for review, from {plain(item.agent_id)}"
    return f"{kind}: {item.get_status_display().lower()}"


REVIEWS = Kind(
    needs=LANE.needs,
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
    counts=LANE.figures,
    beside=draw_count,
)
