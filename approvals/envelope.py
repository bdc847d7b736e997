"""The envelope that a decision is bound to: a request's canonical text and its digest."""

from __future__ import annotations

from approvals.models import ApprovalRequest
from ledger import canonical
from ledger.errors import Stale

DOMAIN = "hitl-approval/v1"


def digest(request: ApprovalRequest) -> str:
    """SHA-256 over the RFC 8785 form of everything that identifies what would run."""
    envelope = {
        "v": 1,
        "gate": request.rule["gate"],
        "agent_id": request.agent_id,
        "run": request.run_id,
        "revision": request.revision,
        "previous": request.previous_id,
        "action": request.action,
        "details": request.details,
        "risk_level": str(request.risk_level),
    }
    # The limits were checked on the details alone; the envelope around them adds one level.
    return canonical.digest(canonical.envelope_text(envelope), DOMAIN)


def check(request: ApprovalRequest) -> None:
    """Raise Stale unless the stored arguments are still those that the digest was made from."""
    if digest(request) != request.digest:
        raise Stale(f"{request.subject} is not what was asked: its digest differs.", request)
