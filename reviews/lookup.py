"""The row that a verb is about: an item by its id, or UnknownId."""

from __future__ import annotations

from ledger.requests.checks import make_finder
from reviews.models import ReviewItem

find_by_id = make_finder(ReviewItem, "review item", "run", "reviewer", "claimed_by")
