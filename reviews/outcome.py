"""Explanations of verdicts that did not count, and what counts instead."""

from __future__ import annotations

from ledger.errors import Refused
from ledger.requests import refusals
from reviews.lookup import find_by_id
from reviews.models import ReviewItem, ReviewStatus


def name_winner(item: ReviewItem) -> str:
    """Who decided what and when, as one sentence."""
    when = refusals.say_when(item.resolved_at)
    if item.status == ReviewStatus.LET_THROUGH:
        return f"It was let through without a review{when}."
    if item.status == ReviewStatus.CANCELLED:
        return f"It was taken back with its run{when}."
    return refusals.name_winner(item, "decided first", item.get_status_display().lower())


def explain_loss(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, or not what was shown."""
    return refusals.explain_loss(ReviewItem, find_by_id, pk, shown, name_winner)
