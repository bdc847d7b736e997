"""The row that a verb is about: a request by its id, or UnknownId."""

from __future__ import annotations

from approvals.models import ApprovalRequest
from ledger.requests.checks import make_finder

find_by_id = make_finder(ApprovalRequest, "approval request", "run", "reviewer", "gate")
