"""The context of the page of one item, for one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q

from ledger.clock import read_local_clock
from reviews import rules
from reviews.models import ReviewItem, ReviewStatus
from reviews.pages import reading_time
from reviews.pages.forms import REASONS
from reviews.pages.listing import Wanted, queue_rows

ROWS = ("run__requester", "run__owner", "reviewer", "claimed_by", "previous", "next")
NEXT = 3  # items announced beside the verdict
VIEWS = ("rendered", "raw", "since")
EVERYTHING = Wanted()


@dataclass(frozen=True)
class TypedVerdict:
    """What somebody had entered when the answer was no, to be given back."""

    words: str = ""
    reasons: tuple[str, ...] = ()
    error: str = ""  # what is wrong with the feedback
    opened: str = ""

    def __bool__(self) -> bool:
        return bool(self.words.strip() or self.reasons)


@dataclass(frozen=True)
class Reading:
    """How the output is shown, as the address says."""

    view: str = "rendered"
    whole: bool = False
    queue: bool = False
    wanted: Wanted = EVERYTHING

    @property
    def query(self) -> str:
        """The address's query for the next page in the queue; "" outside it."""
        if not self.queue:
            return ""
        return "&".join(filter(None, ("queue=1", self.wanted.query)))


def context(item: ReviewItem, user: User, reading: Reading, **more: Any) -> dict[str, Any]:
    """The template's variables.

    `more`: `cursor`, the log's end before the rows were read; and in the answer to a verdict
    `banner`, `typed` (a TypedVerdict) and `toast`.
    """
    is_open = item.status == ReviewStatus.PENDING
    typed = more.get("typed") or TypedVerdict()
    mine = item.is_claimed and item.claimed_by_id == user.pk
    return {
        "item": item,
        "reading": reading,
        "open": is_open,
        "mine": mine,
        "taken": item.is_claimed and not mine,
        "refusal": rules.refusal(item, user) if is_open else None,
        "reasons": list(enumerate(REASONS, start=1)),
        "typed": typed,
        "opened": typed.opened or reading_time.sign_opening(item.pk, user),
        **(_queue(item, user, reading.wanted) if is_open else {}),
        **more,
    }


def _queue(item: ReviewItem, user: User, wanted: Wanted) -> dict[str, Any]:
    """The place of an item in the queue, what comes next, and how this person's day was."""
    pending = queue_rows(wanted).filter(status=ReviewStatus.PENDING)
    counts = pending.aggregate(all=Count("pk"), before=Count("pk", filter=Q(pk__lt=item.pk)))
    free = queue_rows(wanted).free_for(user).light()
    later = list(free.filter(pk__gt=item.pk).order_by("id")[:NEXT])
    if len(later) < NEXT:
        later += free.filter(pk__lt=item.pk).order_by("id")[: NEXT - len(later)]
    return {
        "place": counts["before"] + 1,
        "pending_all": counts["all"],
        "later": later,
        "today": _today(user),
    }


def _today(user: User) -> dict[str, int]:
    """How many this person has reviewed since midnight UTC, and how many per cent approved."""
    midnight = read_local_clock().replace(hour=0, minute=0, second=0, microsecond=0)
    since = ReviewItem.objects.filter(
        reviewer=user, resolved_at__gte=midnight, resolved_at__lt=midnight + timedelta(days=1)
    )
    found = since.aggregate(all=Count("pk"), approved=Count("pk", filter=Q(approved=True)))
    share = round(100 * found["approved"] / found["all"]) if found["all"] else 0
    return {"reviewed": found["all"], "approved": share}
