"""The handling of an escalation by a program: its handler is called once, and answers or not."""

from __future__ import annotations

from typing import Any

from escalations.lookup import find_by_id
from escalations.models import Escalation, EscalationStatus, Resolution
from escalations.outcome import explain_loss
from ledger import canonical
from ledger.clock import now
from ledger.requests.claims import NO_CLAIM
from ledger.requests.models import STILL_OPEN
from ledger.transitions import move, record, verb

CALLED = "called"
FAILED = "failed"
GONE = "Its process was gone before it answered."


@verb
def begin(escalation_id: object) -> bool:
    """Whether the handler may be called now: once in the escalation's life.

    One that was called by a process that is gone is not called again; a person answers instead.
    """
    escalation = find_by_id(escalation_id)
    rows = Escalation.objects.filter(pk=escalation.pk, status=EscalationStatus.PENDING)
    if rows.filter(handler="").update(handler=CALLED):
        return True
    if escalation.handler == CALLED and escalation.status == EscalationStatus.PENDING:
        _give_up(escalation, GONE)
    return False


@verb
def handle(escalation_id: object, response: Any) -> Escalation:
    """The handler has answered. Raises BadInput for what is no JSON, AlreadyDecided, TooLate."""
    escalation = find_by_id(escalation_id)
    canonical.canonical(response, "response")
    response = canonical.normalize(response)  # what is answered now is what is read later
    if escalation.status != EscalationStatus.PENDING:
        raise explain_loss(escalation.pk, escalation.digest)
    move(
        escalation,
        EscalationStatus.HANDLED,
        kind="escalations.handled",
        actor=f"handler:{escalation.type}",
        changes={
            "response": response,
            "resolved_at": now(),
            "resolution": Resolution.HANDLER,
            **NO_CLAIM,
        },
        where=STILL_OPEN,
        lost=lambda: explain_loss(escalation.pk, escalation.digest),
        response=response,
    )
    return escalation


@verb
def fail(escalation_id: object, why: str) -> None:
    """The handler gave no answer; the log says why, and a person answers."""
    _give_up(find_by_id(escalation_id), why)


def _give_up(escalation: Escalation, why: str) -> None:
    rows = Escalation.objects.filter(pk=escalation.pk, handler=CALLED)
    if rows.update(handler=FAILED):
        record(
            "escalations.handler_failed",
            escalation.subject,
            actor=f"handler:{escalation.type}",
            run_id=escalation.run_id,
            why=canonical.storable(why),
        )
