"""The row that a verb is about: an item by its id."""

from __future__ import annotations

from typing import Any

from ledger.errors import UnknownId
from reviews.models import ReviewItem


def by_id(item_id: Any) -> ReviewItem:
    """The item, or UnknownId. `item_id` may be a number or its text."""
    try:
        rows = ReviewItem.objects.select_related("run", "reviewer", "claimed_by")
        return rows.get(pk=item_id)
    except (ReviewItem.DoesNotExist, ValueError, TypeError, OverflowError) as error:
        raise UnknownId("review item", item_id) from error
