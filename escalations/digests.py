"""The digest that an answer is bound to: of what the page showed."""

from __future__ import annotations

from escalations.models import Escalation
from ledger import canonical

DOMAIN = "hitl-escalation/v1"


def digest(escalation: Escalation) -> str:
    """SHA-256 over the RFC 8785 form of who asks what, and with which context and attempt."""
    envelope = {
        "v": 1,
        "agent_id": escalation.agent_id,
        "run": escalation.run_id,
        "type": escalation.type,
        "reason": escalation.reason,
        "context": escalation.context,
    }
    return canonical.digest(canonical.envelope_text(envelope), DOMAIN)
