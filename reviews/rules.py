"""The rules of who may decide an item, read in the decision's transaction and by the pages."""

from __future__ import annotations

from typing import Any

from ledger.requests.checks import refusal_of_dependent
from reviews.models import ReviewItem


def refusal(item: ReviewItem, user: Any) -> str | None:
    """Why `user` may not decide this item, as a sentence for that person; None if they may.

    Independence binds superusers too.
    """
    if not user.is_active:
        return "This account is not active."
    if not user.has_perm("reviews.decide_reviewitem"):
        return "This account may not review outputs."
    return refusal_of_dependent(item.run, user, "review it")
