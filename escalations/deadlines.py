"""What time does to an escalation: past its deadline the agent goes on as uncertain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from escalations.lookup import by_id
from escalations.models import Escalation, EscalationStatus, Resolution
from ledger.clock import DbNow, now
from ledger.errors import BadInput, Refused
from ledger.transitions import move, record, verb

LONGEST = 10 * 365 * 24 * 60 * 60  # seconds; who waits longer waits for the type's deadline
RELEASED: dict[str, Any] = {"claimed_by": None, "claimed_until": None}
STILL_OPEN = Q(deadline=None) | Q(deadline__gt=DbNow())


@verb
def expire(escalation_id: object) -> Escalation:
    """End an escalation whose deadline has passed. Anything else about it: returned as it is."""
    escalation, at = by_id(escalation_id), now()
    if escalation.deadline is None or at < escalation.deadline:
        return escalation  # so that no row says that it expired before its deadline
    try:
        move(
            escalation,
            EscalationStatus.EXPIRED,
            kind="escalations.expired",
            actor="deadline",
            changes={"resolved_at": at, "resolution": Resolution.DEADLINE, **RELEASED},
            where=Q(deadline__lte=DbNow()),
        )
    except Refused:
        return by_id(escalation_id)  # somebody was first, or it is not due yet
    return escalation


@verb
def shorten(escalation_id: object, seconds: float) -> Escalation:
    """Bring the deadline forward to `seconds` from now: once, and never backward.

    Infinity leaves it where it is. Raises BadInput for what is no number.
    """
    escalation = by_id(escalation_id)
    if not isinstance(seconds, int | float) or seconds != seconds:
        raise BadInput("timeout", f"{seconds!r} is no number of seconds.")
    if seconds > LONGEST:
        return escalation
    deadline = now() + timedelta(seconds=max(0.0, seconds))
    rows = Escalation.objects.filter(
        Q(deadline=None) | Q(deadline__gt=deadline),
        pk=escalation.pk,
        status=EscalationStatus.PENDING,
        shortened=False,
    )
    if rows.update(deadline=deadline, shortened=True):
        record(
            "escalations.deadline_shortened",
            escalation.subject,
            actor=f"agent:{escalation.agent_id}",
            run_id=escalation.run_id,
            deadline=deadline.isoformat(),
        )
    return by_id(escalation_id)
