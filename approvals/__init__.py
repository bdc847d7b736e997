"""May I do this? An agent asks, a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.package.exports import import_lazily

__all__ = ["ApprovalGate", "ApprovalRequest", "ApprovalStatus"]

if TYPE_CHECKING:
    from approvals.gate import ApprovalGate
    from approvals.models import ApprovalRequest, ApprovalStatus
else:
    __getattr__ = import_lazily(
        __name__,
        {"ApprovalGate": "gate", "ApprovalRequest": "models", "ApprovalStatus": "models"},
    )
