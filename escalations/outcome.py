"""Explanations of answers that did not count, and what counts instead."""

from __future__ import annotations

from escalations.lookup import find_by_id
from escalations.models import Escalation, Resolution
from ledger.errors import Refused
from ledger.requests import refusals

NOBODY = {  # who was first where it was no person
    Resolution.HANDLER: "The program's handler",
    Resolution.DEADLINE: "The deadline",
    Resolution.RUN_OVER: "The end of its run",
}


def name_winner(escalation: Escalation) -> str:
    """Who decided what and when, as one sentence."""
    word = escalation.get_status_display().lower()
    return refusals.name_winner(escalation, "was first", word, NOBODY)


def explain_loss(pk: int, shown: str) -> Refused:
    """The error for a compare-and-set that changed no row: decided, late, or not what was shown."""
    return refusals.explain_loss(
        Escalation, find_by_id, pk, shown, name_winner, "nothing was answered"
    )
