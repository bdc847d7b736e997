"""The row that a verb is about: a request by its id, or UnknownId."""

from __future__ import annotations

from approvals.models import ApprovalRequest
from ledger.requests.checks import by_id_of

by_id = by_id_of(ApprovalRequest, "approval request", "run", "reviewer", "gate")
