"""Filters for the list of items and for the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict

from pages.filters import MAX_TEXT, Choices, Filter
from reviews.models import OutputType, ReviewItem, ReviewItemQuerySet, ReviewStatus

STATUSES = [
    ("", "Any status"),
    (ReviewStatus.PENDING.value, "Pending"),
    (ReviewStatus.APPROVED.value, "Approved"),
    (ReviewStatus.CORRECTED.value, "Corrected"),
    (ReviewStatus.REJECTED.value, "Rejected"),
    (ReviewStatus.LET_THROUGH.value, "Not reviewed"),
    (ReviewStatus.CANCELLED.value, "Cancelled"),
]
MOST_TYPES = 200


@dataclass(frozen=True)
class Wanted(Filter):
    """What the address asks for: text, agent, status and the type of output."""

    type: str = ""

    @classmethod
    def read(cls, query: QueryDict, statuses: Choices = ()) -> Wanted:
        """As Filter.read(), and `type`. Outputs have no risk."""
        common = Filter.read(query, statuses)
        return cls(
            text=common.text,
            agent=common.agent,
            status=common.status,
            statuses=statuses,
            type=query.get("type", "").replace("\0", "")[:MAX_TEXT],
        )

    def __bool__(self) -> bool:
        return bool(self.type) or super().__bool__()

    @property
    def query(self) -> str:
        """The filter as a query string, without the cursor; "" if nothing is filtered."""
        named = {"q": self.text, "type": self.type, "agent": self.agent, "status": self.status}
        return urlencode({name: value for name, value in named.items() if value})

    @property
    def words(self) -> str:
        """The filter in words, for the sentence that nothing matches it."""
        return ", ".join(filter(None, (super().words, self.type)))


def filter_rows(rows: ReviewItemQuerySet, wanted: Filter) -> ReviewItemQuerySet:
    """The rows that match all of the filter; of what has a risk, none."""
    if wanted.risk:
        return rows.none()
    if wanted.agent:
        rows = rows.filter(agent_id=wanted.agent)
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if getattr(wanted, "type", ""):
        rows = rows.filter(output_type=wanted.type)  # type: ignore[attr-defined]
    return rows.filter(_has_text(wanted.text)) if wanted.text else rows


def _has_text(text: str) -> Q:
    """Not in the outputs themselves: they may be large, and there may be many."""
    found = Q(preview__icontains=text) | Q(topic__icontains=text) | Q(agent_id__icontains=text)
    return found | Q(output_type__icontains=text) | Q(feedback__icontains=text)


def types() -> list[str]:
    """The names of the types that there are, sorted."""
    return list(OutputType.objects.values_list("name", flat=True)[:MOST_TYPES])


def queue_rows(wanted: Any) -> ReviewItemQuerySet:
    """The part of the queue that somebody works through: by type, agent and text."""
    return filter_rows(ReviewItem.objects.all(), wanted)
