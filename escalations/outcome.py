"""Why an answer did not count, and what counts instead."""

from __future__ import annotations

from escalations.lookup import by_id
from escalations.models import Escalation, EscalationStatus, Resolution
from ledger.errors import AlreadyDecided, BadInput, LedgerError, Refused, Stale, TooLate

OUT_OF_DATE = "This page was out of date; nothing was answered."
TOO_LATE = "The deadline has passed; nothing was answered."


def name_of(user: object) -> str:
    """How a person is called in sentences."""
    return str(user.get_full_name() or user.get_username())  # type: ignore[attr-defined]


def said(escalation: Escalation) -> str:
    """Who decided what and when, as one sentence."""
    at = f"{escalation.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if escalation.resolved_at else ""
    who = {
        Resolution.HANDLER: "The program's handler",
        Resolution.DEADLINE: "The deadline",
        Resolution.RUN_OVER: "The end of its run",
    }.get(Resolution(escalation.resolution), "")
    if not who and escalation.reviewer is not None:
        who = name_of(escalation.reviewer)
    word = escalation.get_status_display().lower()
    return f"{who or 'Somebody'} was first: {word}, {at}."


def lost(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, late, or not what was shown.

    The clock is asked before the row is read: a row that was not late then is decided by now.
    """
    late = Escalation.objects.overdue().filter(pk=pk).exists()
    escalation = by_id(pk)
    if escalation.digest != shown:
        return Stale(OUT_OF_DATE, escalation)
    if late or escalation.resolution == Resolution.DEADLINE:
        return TooLate(TOO_LATE, escalation)
    return AlreadyDecided(said(escalation), escalation)


def instead(error: LedgerError, escalation: Escalation, digest: str) -> LedgerError:
    """The error that matters: of input that came too late anyway, that it came too late."""
    still_open = escalation.shown_status == EscalationStatus.PENDING
    if isinstance(error, BadInput) and (not still_open or digest != escalation.digest):
        return lost(escalation.pk, digest)
    return error
