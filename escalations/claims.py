"""Claims on escalations: claim, give back, hand over. Seen by all; they keep nobody out.

A claim is no status: it ends by itself, by the database's clock, and with the answer.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from escalations import rules
from escalations.lookup import find_by_id
from escalations.models import Escalation, EscalationStatus
from escalations.outcome import explain_loss
from ledger.accounts.people import name_of, user_named
from ledger.clock import now
from ledger.errors import BadInput, Refused, UnknownId, quoted
from ledger.requests.checks import check_permitted, check_words
from ledger.requests.claims import CLAIM, NO_CLAIM, name_holder
from ledger.requests.models import NOT_CLAIMED, STILL_OPEN
from ledger.runs import actor_for
from ledger.transitions import record, verb

MAX_NOTE = 2_000  # characters
WHY = "Say why, for the one who takes it over."
UNCHANGED = "Nothing was changed."


@verb
def claim(escalation_id: object, *, by: Any, digest: str | None = None) -> Escalation:
    """Say that one is at it, for 15 minutes; again prolongs it. Raises as answer() does,

    and Refused while somebody else has it.
    """
    escalation, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    until = now() + CLAIM
    free = NOT_CLAIMED | Q(claimed_by=user)
    _change(escalation, digest, free, {"claimed_by": user, "claimed_until": until})
    _record("escalations.claimed", escalation, user, until=until.isoformat())
    return find_by_id(escalation.pk)


@verb
def give_back(escalation_id: object, *, by: Any, digest: str | None = None) -> Escalation:
    """Give one's claim back. Raises as claim() does."""
    escalation, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    _change(escalation, digest, Q(claimed_by=user), NO_CLAIM)
    _record("escalations.released", escalation, user)
    return find_by_id(escalation.pk)


@verb
def hand_over(
    escalation_id: object, *, by: Any, to: Any, note: str, digest: str | None = None
) -> Escalation:
    """Ask another person to take it, and say why; one's claim ends. Raises as claim() does."""
    escalation, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    other = _check_successor(to, user)
    check_words("note", note, needed=WHY, most=MAX_NOTE, unchanged=UNCHANGED)
    free = NOT_CLAIMED | Q(claimed_by=user)
    handed = {"handed_to": other, "handed_by": user, "handed_note": note, **NO_CLAIM}
    _change(escalation, digest, free, handed)
    _record("escalations.handed_over", escalation, user, to=other.get_username(), note=note)
    return find_by_id(escalation.pk)


def _check_successor(to: Any, user: Any) -> Any:
    """Whom it is handed to, who must be able to answer it."""
    if not to:
        raise BadInput("to", f"Choose who takes it over. {UNCHANGED}")
    try:
        other = user_named(to)
    except UnknownId as error:
        raise BadInput("to", f"There is nobody of the name {quoted(to)}.") from error
    if other.pk == user.pk:
        raise BadInput("to", "That is you; claim it instead.")
    if rules.refusal(None, other) is not None:
        raise BadInput("to", f"{name_of(other)} may not answer what agents ask.")
    return other


def _change(escalation: Escalation, digest: str | None, where: Q, changes: dict[str, Any]) -> None:
    """The compare-and-set: open, what was shown, and in nobody else's hand."""
    shown = escalation.digest if digest is None else digest
    rows = Escalation.objects.filter(
        where, STILL_OPEN, pk=escalation.pk, status=EscalationStatus.PENDING, digest=shown
    )
    if not rows.update(**changes):
        raise _explain_loss(escalation.pk, shown)


def _explain_loss(pk: int, shown: str) -> Refused:
    error = explain_loss(pk, shown)
    current = error.current
    if current.status != EscalationStatus.PENDING or type(error).http_status != 409:
        return error
    who = name_holder(current)
    if not who:
        return Refused("You do not have it in hand any more.", current)
    return Refused(f"{who} has it in hand until {current.claimed_until:%H:%M} UTC.", current)


def _record(kind: str, escalation: Escalation, user: Any, **data: Any) -> None:
    record(kind, escalation.subject, actor=actor_for(user), run_id=escalation.run_id, **data)
