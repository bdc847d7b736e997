"""The row that a verb is about: a request by its id."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from ledger.statements.row_lookup import by_id_of

_by_id = by_id_of(ApprovalRequest, "approval request", "run", "reviewer", "gate")


def by_id(request_id: Any) -> ApprovalRequest:
    """The request, or UnknownId. `request_id` may be a number or its text."""
    return _by_id(request_id)
