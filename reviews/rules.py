"""Who may decide an item: read in the same transaction as the decision, and by the pages."""

from __future__ import annotations

from typing import Any

from reviews.models import ReviewItem


def refusal(item: ReviewItem, user: Any) -> str | None:
    """Why `user` may not decide this item, as a sentence for that person; None if they may.

    Independence binds superusers too.
    """
    if not user.is_active:
        return "This account is not active."
    if not user.has_perm("reviews.decide_reviewitem"):
        return "This account may not review outputs."
    run = item.run
    if run is not None and run.requester_id == user.pk:
        return "You asked for this run, so another person has to review it."
    if run is not None and run.owner_id == user.pk:
        return "You own this agent, so another person has to review it."
    return None
