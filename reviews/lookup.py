"""The row that a verb is about: an item by its id."""

from __future__ import annotations

from typing import Any

from ledger.statements.row_lookup import by_id_of
from reviews.models import ReviewItem

_by_id = by_id_of(ReviewItem, "review item", "run", "reviewer", "claimed_by")


def by_id(item_id: Any) -> ReviewItem:
    """The item, or UnknownId. `item_id` may be a number or its text."""
    return _by_id(item_id)
