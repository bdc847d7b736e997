"""The row that a verb is about: an item by its id, or UnknownId."""

from __future__ import annotations

from ledger.requests.checks import by_id_of
from reviews.models import ReviewItem

by_id = by_id_of(ReviewItem, "review item", "run", "reviewer", "claimed_by")
