"""Banners about a decision that did not count: what happened first, what to do second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.clock import read_local_clock
from ledger.errors import AlreadyDecided, BadInput, LedgerError, NotAllowed, Stale, TooLate
from ledger.requests.models import HumanRequest


@dataclass(frozen=True)
class Banner:
    """A notice above the content, on the answer to one's own act."""

    kind: str
    icon: str
    title: str
    text: str = ""
    id: str = ""


def explain_refusal(error: LedgerError, noun: str, *, typed: bool, late: str) -> Banner:
    """The notice for a decision that the services refused.

    `noun`: what it was; `typed`: whether words were typed with it; `late`: what follows from
    coming too late, as a sentence.
    """
    kept = " What you had typed is kept." if typed else ""
    if isinstance(error, Stale):
        why = "Nothing was decided." if str(error).startswith("This page") else str(error)
        text = f"{why} What is current is shown.{kept}"
        return Banner("wait", "info", "This page was out of date.", text)
    if isinstance(error, TooLate):
        return Banner("quiet", "timer", _late(error.current), f"{error} {late}{kept}")
    if isinstance(error, AlreadyDecided):
        text = f"Your {noun} did not count{_describe_lead(error.current)}.{kept}"
        return Banner("no", "circle-alert", str(error), text)
    if isinstance(error, NotAllowed):
        title, text = "You cannot decide this one.", f"{error.reason}{kept}"
        return Banner("high", "lock", title, text, id="refusal")
    said = error.message if isinstance(error, BadInput) else str(error)
    return Banner("error", "circle-alert", "Nothing was decided.", f"{said}{kept}")


def _late(request: HumanRequest) -> str:
    return f"Too late by {_seconds(request.deadline)}." if request.deadline else "Too late."


def _describe_lead(request: HumanRequest) -> str:
    """How far ahead the other one was; only while that is a matter of a moment."""
    at = request.resolved_at
    if at is None or (read_local_clock() - at).total_seconds() > 3600:
        return ""
    return f"; the other one was {_seconds(at)} before you"


def _seconds(since: datetime | None) -> str:
    if since is None:
        return "a moment"
    whole = max(1, round((read_local_clock() - since).total_seconds()))
    if whole < 120:
        return f"{whole} second{'s' * (whole != 1)}"
    minutes = whole // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
