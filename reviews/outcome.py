"""Why a verdict did not count, and what counts instead."""

from __future__ import annotations

from ledger.errors import AlreadyDecided, BadInput, LedgerError, Refused, Stale
from reviews.lookup import by_id
from reviews.models import ReviewItem


def said(item: ReviewItem) -> str:
    """Who decided what and when, as one sentence."""
    at = f", {item.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if item.resolved_at else ""
    word = item.get_status_display().lower()
    if item.status == "released":
        return f"It was released without a review{at}."
    if item.status == "cancelled":
        return f"It was taken back with its run{at}."
    who = "Somebody"
    if item.reviewer is not None:
        who = item.reviewer.get_full_name() or item.reviewer.get_username()
    return f"{who} decided first: {word}{at}."


def lost(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, or not what was shown."""
    item = by_id(pk)
    if item.digest != shown:
        return Stale("This page was out of date; nothing was decided.", item)
    return AlreadyDecided(said(item), item)


def instead(error: LedgerError, item: ReviewItem, digest: str) -> LedgerError:
    """The error that matters: of input that came too late anyway, that it came too late."""
    if isinstance(error, BadInput) and (item.status != "pending" or digest != item.digest):
        return lost(item.pk, digest)
    return error
