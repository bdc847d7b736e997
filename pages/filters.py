"""Filters of lists: read from the address, said in words, applied to rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db import connection, models
from django.db.models import Q
from django.http import HttpResponse, QueryDict

from ledger.risk import RiskLevel

MAX_TEXT = 200  # characters
MAX_AGENTS = 200  # in the select; beyond, the text filter finds them

Choices = Sequence[tuple[str, str]]
Condition = Callable[[str], Q]
Rows = TypeVar("Rows", bound=models.QuerySet[Any])

SERIOUS = "serious"
RISKS: Choices = [("", "Any risk"), (SERIOUS, "High and critical"), *RiskLevel.choices[::-1]]

# One step through the index for each name; DISTINCT would read every row there ever was.
AGENTS = """
WITH RECURSIVE found(name) AS (
    SELECT MIN(agent_id) FROM {table}
    UNION ALL
    SELECT (SELECT MIN(agent_id) FROM {table} WHERE agent_id > found.name)
    FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL LIMIT %s
"""


@dataclass(frozen=True)
class Filter:
    """What the address asks for. Values that no select offers count as not given."""

    text: str = ""
    risk: str = ""
    agent: str = ""
    status: str = ""
    statuses: Choices = ()

    @classmethod
    def read(cls, query: QueryDict, statuses: Choices = ()) -> Filter:
        """`statuses`: what the list offers, as value and word; none offers no such filter."""
        return cls(
            text=query.get("q", "").replace("\0", "").strip()[:MAX_TEXT],
            risk=_pick(RISKS, query.get("risk", "")),
            agent=query.get("agent", "").replace("\0", "")[:MAX_TEXT],
            status=_pick(statuses, query.get("status", "")),
            statuses=statuses,
        )

    def __bool__(self) -> bool:
        return bool(self.text or self.risk or self.agent or self.status)

    @property
    def query(self) -> str:
        """The filter as a query string, without the cursor; "" if nothing is filtered."""
        named = {"q": self.text, "risk": self.risk, "agent": self.agent, "status": self.status}
        return urlencode({name: value for name, value in named.items() if value})

    def push_address(self, response: HttpResponse, address: str) -> HttpResponse:
        """The response of htmx, with an address that names only what is filtered by."""
        response["HX-Push-Url"] = f"{address}?{self.query}" if self else address
        return response

    @property
    def words(self) -> str:
        """The filter in words, for the sentence that nothing matches it."""
        risk = dict(RISKS)[self.risk].lower() + " risk" if self.risk else ""
        status = dict(self.statuses)[self.status].lower() if self.status else ""
        text = f"“{self.text}”" if self.text else ""
        return ", ".join(part for part in (text, risk, self.agent, status) if part)

    def wants_risk(self, risk: str) -> bool:
        """Whether a row of this risk is shown."""
        return not self.risk or risk in self._risks

    @property
    def _risks(self) -> list[str]:
        return [RiskLevel.HIGH, RiskLevel.CRITICAL] if self.risk == SERIOUS else [self.risk]

    def apply(self, rows: Rows, *, has_status: Condition, has_text: Condition) -> Rows:
        """Those of the rows that match all of the filter.

        They have a `risk_level` and an `agent_id`; the other two are the pattern's to say.
        """
        if self.risk:
            rows = rows.filter(risk_level__in=self._risks)
        if self.agent:
            rows = rows.filter(agent_id=self.agent)
        if self.status:
            rows = rows.filter(has_status(self.status))
        if self.text:
            rows = rows.filter(has_text(self.text))
        return rows


def _pick(choices: Choices, value: str) -> str:
    return value if value in dict(choices) else ""


def agents(model: type[models.Model]) -> list[str]:
    """The names that ever stood in this table's `agent_id`, which begins an index; sorted."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(AGENTS.format(table=table), [MAX_AGENTS])
        return [name for (name,) in cursor.fetchall()]
