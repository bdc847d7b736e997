"""Which requests a list shows: the filters of the inbox and of all approvals, in one place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q
from django.http import HttpResponse, QueryDict

from approvals.models import ApprovalRequestQuerySet, ApprovalStatus, Resolution
from ledger.clock import DbNow
from ledger.risk import RiskLevel

MAX_TEXT = 200  # characters
MAX_AGENTS = 200  # in the select; beyond, the text filter finds them

SERIOUS = "serious"
RISKS = [("", "Any risk"), (SERIOUS, "High and critical"), *RiskLevel.choices[::-1]]
EXPIRED = "expired"
STATUSES = [
    ("", "Any status"),
    (ApprovalStatus.PENDING.value, "Pending"),
    (ApprovalStatus.APPROVED.value, "Approved"),
    (ApprovalStatus.REJECTED.value, "Rejected"),
    (ApprovalStatus.NEEDS_REVISION.value, "Needs revision"),
    (EXPIRED, "Expired"),
    (ApprovalStatus.CANCELLED.value, "Cancelled"),
]

# One step through the index for each name; DISTINCT would read every request there ever was.
AGENTS = """
WITH RECURSIVE found(name) AS (
    SELECT MIN(agent_id) FROM approvals_approvalrequest
    UNION ALL
    SELECT (SELECT MIN(agent_id) FROM approvals_approvalrequest WHERE agent_id > found.name)
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

    @classmethod
    def read(cls, query: QueryDict) -> Filter:
        return cls(
            text=query.get("q", "").replace("\0", "").strip()[:MAX_TEXT],
            risk=_one_of(RISKS, query.get("risk", "")),
            agent=query.get("agent", "").replace("\0", "")[:MAX_TEXT],
            status=_one_of(STATUSES, query.get("status", "")),
        )

    def __bool__(self) -> bool:
        return bool(self.text or self.risk or self.agent or self.status)

    @property
    def query(self) -> str:
        """The filter as a query string, without the cursor; "" if nothing is filtered."""
        named = {"q": self.text, "risk": self.risk, "agent": self.agent, "status": self.status}
        return urlencode({name: value for name, value in named.items() if value})

    def pushed(self, response: HttpResponse, address: str) -> HttpResponse:
        """The response of htmx, with an address that names only what is filtered by."""
        response["HX-Push-Url"] = f"{address}?{self.query}" if self else address
        return response

    @property
    def words(self) -> str:
        """The filter in words, for the sentence that nothing matches it."""
        risk = dict(RISKS)[self.risk].lower() + " risk" if self.risk else ""
        status = dict(STATUSES)[self.status].lower() if self.status else ""
        text = f"“{self.text}”" if self.text else ""
        return ", ".join(part for part in (text, risk, self.agent, status) if part)

    def wants_risk(self, risk: str) -> bool:
        """Whether a row of this risk is shown."""
        return not self.risk or risk in self._risks

    @property
    def _risks(self) -> list[str]:
        return [RiskLevel.HIGH, RiskLevel.CRITICAL] if self.risk == SERIOUS else [self.risk]

    def apply(self, rows: ApprovalRequestQuerySet) -> ApprovalRequestQuerySet:
        """The rows that match all of it."""
        if self.risk:
            rows = rows.filter(risk_level__in=self._risks)
        if self.agent:
            rows = rows.filter(agent_id=self.agent)
        if self.status:
            rows = rows.filter(_has_status(self.status))
        if self.text:
            rows = rows.filter(_has_text(self.text))
        return rows


def _one_of(choices: list[tuple[str, str]], value: str) -> str:
    return value if value in dict(choices) else ""


def _has_status(status: str) -> Q:
    """The status as it is shown: nothing is pending past its deadline.

    Expired is what no person decided in time, whether the rejection was written yet or not; what
    the deadline has rejected is found under rejected as well, for that is what it is.
    """
    overdue = Q(status=ApprovalStatus.PENDING, deadline__lte=DbNow())
    if status == EXPIRED:
        late = Q(status=ApprovalStatus.REJECTED, resolution=Resolution.DEADLINE)
        return overdue | late
    if status == ApprovalStatus.PENDING:
        return Q(Q(deadline=None) | Q(deadline__gt=DbNow()), status=status)
    return Q(status=status)


def _has_text(text: str) -> Q:
    found = Q(action__icontains=text) | Q(preview__icontains=text) | Q(agent_id__icontains=text)
    # The details are stored as JSON, in which a quote or a line break is written with a \.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return found | Q(story__icontains=text) | Q(details__icontains=escaped)


def agents() -> list[str]:
    """The names that ever asked, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(AGENTS, [MAX_AGENTS])
        return [name for (name,) in cursor.fetchall()]


def agents_of(rows: ApprovalRequestQuerySet) -> list[str]:
    """The names that ask in these rows, sorted."""
    names = rows.order_by("agent_id").values_list("agent_id", flat=True).distinct()
    return list(names[:MAX_AGENTS])
