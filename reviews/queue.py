"""The queue as agents and programs use it: add, look, decide. Works in any process with Django."""

from __future__ import annotations

from typing import Any

from django.db.models import Count

from ledger.errors import BadInput, quoted
from ledger.requests.checks import MOST
from reviews import services
from reviews.models import ReviewItem, ReviewStatus


class ReviewQueue:
    """Outputs that people review. It has no state of its own: all of it is in the database."""

    def add(self, agent_id: str, output_type: str, content: Any, context: Any = None) -> int:
        """Put an output (any JSON) into the queue; its id. BadInput stores nothing.

        Where only a share of its type is reviewed, it may be let through at once.
        """
        return services.add(
            agent_id=agent_id, output_type=output_type, content=content, context=context
        ).pk

    def get_pending(self, limit: int = 10) -> list[ReviewItem]:
        """The oldest items that nobody has decided. Only reads: it claims nothing."""
        pending = ReviewItem.objects.open().select_related("reviewer")
        return list(pending.order_by("id")[: min(max(0, limit), MOST)])

    def review(
        self, item_id: object, reviewer: Any, approved: bool, feedback: str = ""
    ) -> ReviewItem:
        """Decide: `reviewer` is a user or a username; a rejection needs feedback. The item.

        Raises UnknownId, NotAllowed, AlreadyDecided or BadInput; then nothing has changed.
        """
        if not isinstance(approved, bool):
            raise BadInput("approved", f"{quoted(approved)} is neither True nor False.")
        verb = services.approve if approved else services.reject
        return verb(item_id, by=reviewer, feedback=feedback)

    def correct(
        self, item_id: object, reviewer: Any, content: Any, feedback: str = ""
    ) -> ReviewItem:
        """Approve with another text in its place; the original stays beside it. The item."""
        return services.correct(item_id, by=reviewer, content=content, feedback=feedback)

    def get_review_result(self, item_id: object) -> ReviewItem | None:
        """The item once it is decided, None while it is pending. Raises UnknownId."""
        item = services.find_by_id(item_id)
        return None if item.status == ReviewStatus.PENDING else item

    def get_statistics(self) -> dict[str, Any]:
        """Exact counts: pending, reviewed, approved (corrected too), rejected; approval_rate 0…1.

        What was let through without a review is in none of them.
        """
        found = dict(ReviewItem.objects.values_list("status").annotate(Count("pk")).order_by())
        approved = found.get("approved", 0) + found.get("corrected", 0)
        rejected = found.get("rejected", 0)
        reviewed = approved + rejected
        return {
            "pending": found.get("pending", 0),
            "reviewed": reviewed,
            "approved": approved,
            "rejected": rejected,
            "approval_rate": approved / reviewed if reviewed else 0,
        }
