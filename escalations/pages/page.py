"""The context of the page of one escalation, for one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from escalations import rules
from escalations.knowledge import answers
from escalations.models import AttemptWas, Escalation, EscalationStatus
from escalations.pages import calibration

MARKS = [(value, label) for value, label in AttemptWas.choices if value]


@dataclass(frozen=True)
class TypedAnswer:
    """What somebody had entered, to be given back; `errors` by field."""

    answer: str = ""
    keep: bool = True
    attempt_was: str = ""
    handing: bool = False  # whether the fields for handing over are shown
    to: str = ""
    note: str = ""
    errors: dict[str, str] | None = None
    focus: str = ""

    def __bool__(self) -> bool:
        return bool(self.answer.strip() or self.note.strip())


@dataclass(frozen=True)
class Before:
    """How often the agent was right when it was about that sure."""

    right: str
    count: int
    low: int  # percent
    high: int


def context(escalation: Escalation, user: User, **more: Any) -> dict[str, Any]:
    """The template's variables.

    `more`: `cursor`, the log's end before the rows were read; and in the answer to a post `banner`,
    `typed` (a TypedAnswer) and `toast`.
    """
    is_open = escalation.shown_status == EscalationStatus.PENDING
    refusal = rules.refusal(escalation, user)
    found = {
        "escalation": escalation,
        "open": is_open,
        "refusal": refusal if is_open else None,
        "may_mark": not is_open and bool(escalation.attempt) and refusal is None,
        "may_cancel": _may_cancel(escalation, user),
        "mine": escalation.is_claimed and escalation.claimed_by_id == user.pk,
        "marks": MARKS,
        "before": read_before(escalation),
        "similar": [],
        "typed": TypedAnswer(),
        **more,
    }
    if is_open:
        asked = escalation.question
        found["similar"] = answers.similar(escalation.agent_id, asked, besides=escalation.pk)
    if found["typed"].handing:
        found["others"] = rules.people().exclude(pk=user.pk)
    return found


def _may_cancel(escalation: Escalation, user: User) -> bool:
    run = escalation.run
    return run is not None and not run.over and user.has_perm("ledger.cancel_run")


def read_before(escalation: Escalation) -> Before | None:
    """The figures for attempts of that agent and type in the same tenth; None without any."""
    if escalation.confidence is None:
        return None
    number = calibration.bin_of(escalation.confidence)
    low, high = number / calibration.BINS, (number + 1) / calibration.BINS
    marked = calibration.read_judged(escalation.agent_id, escalation.type, low, high)
    marked = [each for each in marked if calibration.bin_of(each.confidence) == number]
    if not marked:
        return None
    right = sum(each.right for each in marked)
    return Before(f"{right:g}", len(marked), round(low * 100), round(high * 100))
