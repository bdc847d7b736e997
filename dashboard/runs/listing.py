"""Filters for the list of runs."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from ledger import catalogue
from ledger.models import Run

MAX_TEXT = 200  # characters
LIBRARY = "library"  # the agent of runs that other programs drive; see leases.start_library()
STATUSES = [("", "Any status"), *Run.Status.choices]


@dataclass(frozen=True)
class Filter:
    """What the address asks for; what it does not understand is left out."""

    text: str = ""
    agent: str = ""
    status: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Filter:
        status = query.get("status", "")
        return cls(
            text=query.get("q", "").replace("\0", "").strip()[:MAX_TEXT],
            agent=query.get("agent", "").replace("\0", "")[:MAX_TEXT],
            status=status if status in Run.Status.values else "",
        )

    def __bool__(self) -> bool:
        return bool(self.text or self.agent or self.status)

    @property
    def query(self) -> str:
        """The filter as a query string, without the cursor; "" if nothing is filtered."""
        named = {"q": self.text, "agent": self.agent, "status": self.status}
        return urlencode({name: value for name, value in named.items() if value})

    @property
    def words(self) -> str:
        """The filter in words, for the sentence that nothing matches it."""
        status = dict(STATUSES)[self.status].lower() if self.status else ""
        text = f"“{self.text}”" if self.text else ""
        return ", ".join(part for part in (text, status, self.agent) if part)

    def apply(self, rows: QuerySet[Run]) -> QuerySet[Run]:
        """The rows that match all of it."""
        if self.status:
            rows = rows.filter(status=self.status)
        if self.agent:
            rows = rows.filter(agent=self.agent)
        if self.text:
            rows = rows.filter(_has(self.text))
        return rows


def _has(text: str) -> Q:
    found = Q(task__icontains=text) | Q(agent_id__icontains=text)
    if text.isascii() and text.isdecimal() and len(text) < 19:
        found |= Q(pk=int(text))
    return found


def agents() -> list[str]:
    """What can be chosen: the agents there are, and what other programs drive."""
    return [*catalogue.names(), LIBRARY]
