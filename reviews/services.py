"""The verbs of reviews: add, approve, reject, correct. Nothing else decides an item.

Each is the same compare-and-set on (item, pending, digest); the first commit wins. A claim is a
courtesy between people and stops nobody: see reviews.claims.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from ledger.clock import now
from ledger.errors import BadInput
from ledger.requests.checks import SAY_WHY, check_permitted, check_words
from ledger.requests.claims import NO_CLAIM
from ledger.runs import actor_for
from ledger.transitions import move, verb
from reviews import contents, rules
from reviews.adding import add, facts, is_in_sample
from reviews.lookup import find_by_id
from reviews.models import ReviewItem, ReviewStatus
from reviews.outcome import explain_loss

__all__ = ["add", "approve", "correct", "find_by_id", "is_in_sample", "reject"]


@verb
def approve(
    item_id: object,
    *,
    by: Any,
    feedback: str = "",
    digest: str | None = None,
    looked: float | None = None,
) -> ReviewItem:
    """Let the output be used as it is. `by` is a user or a username; `looked` seconds on the page.

    Raises UnknownId, NotAllowed, AlreadyDecided, Stale or BadInput; then nothing has changed.
    """
    item, user = check_permitted(find_by_id, item_id, by, rules.refusal)
    check_words("feedback", feedback)
    _finish(item, ReviewStatus.APPROVED, "reviews.approved", user, feedback, digest, looked)
    return item


@verb
def reject(
    item_id: object,
    *,
    by: Any,
    feedback: str,
    digest: str | None = None,
    looked: float | None = None,
) -> ReviewItem:
    """Do not let it be used; the reason goes back to the agent. Raises as approve() does."""
    item, user = check_permitted(find_by_id, item_id, by, rules.refusal)
    check_words("feedback", feedback, needed=SAY_WHY)
    _finish(item, ReviewStatus.REJECTED, "reviews.rejected", user, feedback, digest, looked)
    return item


@verb
def correct(
    item_id: object,
    *,
    by: Any,
    content: Any,
    feedback: str = "",
    digest: str | None = None,
    looked: float | None = None,
) -> ReviewItem:
    """Put another text in its place and approve that; the original is kept beside it.

    The one case in which who wrote what is used has approved it; the log says so. Raises as
    approve() does, and BadInput for a correction that changes nothing.
    """
    item, user = check_permitted(find_by_id, item_id, by, rules.refusal)
    check_words("feedback", feedback)
    text = contents.encode(content)
    if text == contents.encode(item.content):
        raise BadInput("content", "Nothing is changed. Approve it as it is.")
    kind, more = "reviews.corrected", {"correction": content}
    _finish(item, ReviewStatus.CORRECTED, kind, user, feedback, digest, looked, more)
    return item


def _finish(
    item: ReviewItem,
    to: ReviewStatus,
    kind: str,
    user: Any,
    feedback: str,
    digest: str | None,
    looked: float | None,
    more: dict[str, Any] | None = None,
) -> None:
    """The compare-and-set: pending, and what was shown."""
    shown = item.digest if digest is None else digest
    if item.status != ReviewStatus.PENDING:
        raise explain_loss(item.pk, shown)
    at = now()
    changes: dict[str, Any] = {
        "reviewer": user,
        "feedback": feedback,
        "resolved_at": at,
        "reviewed": True,
        "approved": to != ReviewStatus.REJECTED,
        **NO_CLAIM,
        **(more or {}),
    }
    if item.run is not None and item.run.over:
        changes["delivered_at"] = at  # nobody is left to take it up
    move(
        item,
        to,
        kind=kind,
        actor=actor_for(user),
        changes=changes,
        where=Q(digest=shown),
        lost=lambda: explain_loss(item.pk, shown),
        by="person",
        **facts(item),
        age=round((at - item.created_at).total_seconds(), 3),
        looked=looked,
        digest=shown,
        feedback=feedback,
    )
