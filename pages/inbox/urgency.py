"""The order in which open questions are worked on, whatever their kind.

Highest risk first, then what ends soonest, without a deadline last. A cursor is the place of one
row in that order, as text: "3|2026-11-23T14:28:00.000000+00:00|0|42".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q


@dataclass(frozen=True)
class Place:
    """Where a row stands. `table` orders rows of different kinds that are equally urgent."""

    rank: int
    deadline: datetime | None
    table: int
    pk: int

    @classmethod
    def of(cls, request: Any, table: int = 0) -> Place:
        """The place of a question, which has a `risk_rank` and perhaps a `deadline`."""
        return cls(request.risk_rank, request.deadline, table, request.pk)

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place in an address, or None: anything unreadable means the beginning."""
        try:
            rank, deadline, table, pk = text.split("|")
            at = datetime.fromisoformat(deadline) if deadline else None
            if at is not None and at.tzinfo is None:
                return None
            return cls(int(rank[:2]), at, int(table[:2]), int(pk[:18]))
        except ValueError:
            return None

    def __str__(self) -> str:
        at = self.deadline and self.deadline.astimezone(UTC).isoformat(timespec="microseconds")
        return f"{self.rank}|{at or ''}|{self.table}|{self.pk}"

    @property
    def key(self) -> tuple[int, bool, datetime, int, int]:
        """What sorts ascending into the order of the page."""
        never = self.deadline is None
        return -self.rank, never, self.deadline or datetime.min, self.table, self.pk

    def filter_after(self, table: int) -> Q:
        """Which rows of that table come after this place."""
        if self.deadline is None:
            rest = self._equal(table)
        else:
            rest = Q(deadline=None) | Q(deadline__gt=self.deadline) | self._equal(table)
        return Q(risk_rank__lt=self.rank) | (Q(risk_rank=self.rank) & rest)

    def _equal(self, table: int) -> Q:
        """Of the rows that are as urgent as this one, those that stand behind it."""
        if table == self.table:
            return Q(deadline=self.deadline, pk__gt=self.pk)
        return Q(deadline=self.deadline) if table > self.table else Q(pk=None)


def most_urgent(rows: Any, after: Place | None, table: int, size: int) -> list[Any]:
    """The `size` most urgent of these rows (a queryset) that come after a place (None: of all)."""
    if after is not None:
        rows = rows.filter(after.filter_after(table))
    return list(order_by_urgency(rows)[:size])


def order_by_urgency(rows: Any) -> Any:
    """These rows (a queryset), the most urgent first."""
    return rows.order_by("-risk_rank", F("deadline").asc(nulls_last=True), "id")
