"""The row that a verb is about: a request by its id."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from ledger.errors import UnknownId


def by_id(request_id: Any) -> ApprovalRequest:
    """The request, or UnknownId. `request_id` may be a number or its text."""
    try:
        return ApprovalRequest.objects.select_related("run", "reviewer", "gate").get(pk=request_id)
    except (ApprovalRequest.DoesNotExist, ValueError, TypeError, OverflowError) as error:
        raise UnknownId("approval request", request_id) from error
