"""How many wait for a person, as the head of the inbox says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from approvals.models import ApprovalRequest
from ledger.models import Run


@dataclass(frozen=True)
class Waiting:
    """Agents, rows and the next deadline; of everything, whatever the filter."""

    agents: int
    rows: int
    deadline: datetime | None

    @classmethod
    def now(cls, may_see_runs: bool) -> Waiting:
        """The figures for somebody who may or may not see runs, some of which are in doubt."""
        found = ApprovalRequest.objects.open().aggregate(
            rows=Count("pk"),
            runs=Count("run", distinct=True),
            others=Count("agent_id", distinct=True, filter=Q(run=None)),
            deadline=Min("deadline"),
        )
        doubtful = Run.objects.filter(status=Run.Status.IN_DOUBT).count() if may_see_runs else 0
        agents = found["runs"] + found["others"] + doubtful
        return cls(agents, found["rows"] + doubtful, found["deadline"])
