"""The deadlines of escalations: past one, the agent goes on as uncertain."""

from __future__ import annotations

from functools import partial

from escalations.lookup import find_by_id
from escalations.models import Escalation, EscalationStatus, Resolution
from ledger.requests import deadlines
from ledger.requests.claims import NO_CLAIM

shorten = partial(deadlines.shorten, find_by_id)


def expire(escalation_id: object) -> Escalation:
    """End an escalation whose deadline has passed. Anything else about it: returned as it is."""
    return deadlines.expire(
        find_by_id,
        escalation_id,
        EscalationStatus.EXPIRED,
        kind="escalations.expired",
        changes={"resolution": Resolution.DEADLINE, **NO_CLAIM},
    )
