"""Who has an escalation in hand: claim, release, hand over. Seen by all; it keeps nobody out.

A claim is no status: it ends by itself, by the database's clock, and with the answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from escalations import rules
from escalations.deadlines import RELEASED, STILL_OPEN
from escalations.lookup import by_id
from escalations.models import Escalation, EscalationStatus
from escalations.outcome import lost, name_of
from ledger import canonical
from ledger.clock import DbNow, now
from ledger.errors import BadInput, NotAllowed, Refused, UnknownId
from ledger.people import user_named
from ledger.runs import actor_for
from ledger.transitions import record, verb

CLAIM = timedelta(minutes=15)
MAX_NOTE = 2_000  # characters


@verb
def claim(escalation_id: object, *, by: Any, digest: str | None = None) -> Escalation:
    """Say that one is at it, for 15 minutes; again prolongs it. Raises as answer() does,

    and Refused while somebody else has it.
    """
    escalation, user = _may(escalation_id, by)
    until = now() + CLAIM
    free = Q(claimed_by=None) | Q(claimed_by=user) | Q(claimed_until__lte=DbNow())
    _change(escalation, digest, free, {"claimed_by": user, "claimed_until": until})
    _record("escalations.claimed", escalation, user, until=until.isoformat())
    return by_id(escalation.pk)


@verb
def release(escalation_id: object, *, by: Any, digest: str | None = None) -> Escalation:
    """Give one's claim back. Raises as claim() does."""
    escalation, user = _may(escalation_id, by)
    _change(escalation, digest, Q(claimed_by=user), RELEASED)
    _record("escalations.released", escalation, user)
    return by_id(escalation.pk)


@verb
def hand_over(
    escalation_id: object, *, by: Any, to: Any, note: str, digest: str | None = None
) -> Escalation:
    """Ask another person to take it, and say why; one's claim ends. Raises as claim() does."""
    escalation, user = _may(escalation_id, by)
    other = _other(to, user)
    _check_note(note)
    free = Q(claimed_by=None) | Q(claimed_by=user) | Q(claimed_until__lte=DbNow())
    handed = {"handed_to": other, "handed_by": user, "handed_note": note, **RELEASED}
    _change(escalation, digest, free, handed)
    _record("escalations.handed_over", escalation, user, to=other.get_username(), note=note)
    return by_id(escalation.pk)


def _may(escalation_id: object, by: Any) -> tuple[Escalation, Any]:
    escalation, user = by_id(escalation_id), user_named(by)
    reason = rules.refusal(user)
    if reason is not None:
        raise NotAllowed(reason)
    return escalation, user


def _other(to: Any, user: Any) -> Any:
    """Whom it is handed to, who must be able to answer it."""
    if not to:
        raise BadInput("to", "Choose who takes it over. Nothing was changed.")
    try:
        other = user_named(to)
    except UnknownId as error:
        raise BadInput("to", f"There is nobody of the name {to!r}.") from error
    if other.pk == user.pk:
        raise BadInput("to", "That is you; claim it instead.")
    if rules.refusal(other) is not None:
        raise BadInput("to", f"{name_of(other)} may not answer what agents ask.")
    return other


def _check_note(note: object) -> None:
    if not isinstance(note, str) or not note.strip():
        raise BadInput("note", "Say why, for the one who takes it over. Nothing was changed.")
    if len(note) > MAX_NOTE:
        raise BadInput("note", f"Longer than {MAX_NOTE:,} characters. Nothing was changed.")
    canonical.canonical(note, "note")


def _change(escalation: Escalation, digest: str | None, where: Q, changes: dict[str, Any]) -> None:
    """The compare-and-set: open, what was shown, and in nobody else's hand."""
    shown = escalation.digest if digest is None else digest
    rows = Escalation.objects.filter(
        where, STILL_OPEN, pk=escalation.pk, status=EscalationStatus.PENDING, digest=shown
    )
    if not rows.update(**changes):
        raise _lost(escalation.pk, shown)


def _lost(pk: int, shown: str) -> Refused:
    error = lost(pk, shown)
    current = error.current
    if current.status != EscalationStatus.PENDING or type(error).http_status != 409:
        return error
    holder = name_of(current.claimed_by) if current.claimed_by and current.is_claimed else ""
    if not holder:
        return Refused("You do not have it in hand any more.", current)
    return Refused(f"{holder} has it in hand until {current.claimed_until:%H:%M} UTC.", current)


def _record(kind: str, escalation: Escalation, user: Any, **data: Any) -> None:
    record(kind, escalation.subject, actor=actor_for(user), run_id=escalation.run_id, **data)
