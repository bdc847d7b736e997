"""The order in which open requests are worked on, and pages of it.

Highest risk first, then what ends soonest, without a deadline last. A cursor is the place of one
row in that order, as text: "3|2026-11-23T14:28:00.000000+00:00|42".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from approvals.models import ApprovalRequest, ApprovalRequestQuerySet
from ledger.paging import PAGE, Page


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    rank: int
    deadline: datetime | None
    pk: int

    @classmethod
    def of(cls, approval: ApprovalRequest) -> Place:
        return cls(approval.risk_rank, approval.deadline, approval.pk)

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place in an address, or None: anything unreadable means the beginning."""
        try:
            rank, deadline, pk = text.split("|")
            at = datetime.fromisoformat(deadline) if deadline else None
            if at is not None and at.tzinfo is None:
                return None
            return cls(int(rank[:2]), at, int(pk[:18]))
        except ValueError:
            return None

    def __str__(self) -> str:
        at = self.deadline and self.deadline.astimezone(UTC).isoformat(timespec="microseconds")
        return f"{self.rank}|{at or ''}|{self.pk}"

    @property
    def key(self) -> tuple[int, bool, datetime, int]:
        """What sorts ascending into the order of the page."""
        return -self.rank, self.deadline is None, self.deadline or datetime.min, self.pk

    @property
    def after(self) -> Q:
        """The rows that come after this place."""
        if self.deadline is None:
            rest = Q(deadline=None, pk__gt=self.pk)
        else:
            same = Q(deadline=self.deadline, pk__gt=self.pk)
            rest = Q(deadline=None) | Q(deadline__gt=self.deadline) | same
        return Q(risk_rank__lt=self.rank) | (Q(risk_rank=self.rank) & rest)


def page(rows: ApprovalRequestQuerySet, after: Place | None, *, size: int = PAGE) -> Page:
    """The `size` most urgent of these rows that come after a place (None: from the beginning)."""
    if after is not None:
        rows = rows.filter(after.after)
    found = list(rows.by_urgency()[: size + 1])
    if len(found) <= size:
        return Page(found)
    return Page(found[:size], str(Place.of(found[size - 1])))
