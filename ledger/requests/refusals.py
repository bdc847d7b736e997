"""Refusals of acts on a request: who was first, that it was late, or out of date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from ledger.accounts.people import name_of
from ledger.errors import AlreadyDecided, BadInput, LedgerError, Refused, Stale, TooLate
from ledger.requests.models import HumanRequest

R = TypeVar("R", bound=HumanRequest)

NOBODY_ELSE: Mapping[Any, str] = {}


def name_winner(
    request: Any, first: str, word: str, others: Mapping[Any, str] = NOBODY_ELSE
) -> str:
    """Who was first and what they did when, as a sentence: "Ana decided first: approved, …".

    `first` is the verb, `others` what is called the winner where it was no person, by resolution.
    """
    who = others.get(getattr(request, "resolution", ""), "") or name_of(request.reviewer)
    return f"{who or 'Somebody'} {first}: {word}{say_when(request.resolved_at)}."


def say_when(time: datetime | None) -> str:
    """The end of a sentence that says when; "" if that is not known."""
    return f", {time:%Y-%m-%d %H:%M:%S} UTC" if time else ""


def explain_loss(
    model: type[R],
    find_by_id: Callable[[Any], R],
    pk: int,
    shown: str,
    name_winner: Callable[[R], str],
    unchanged: str = "nothing was decided",
) -> Refused:
    """The error for a compare-and-set that changed no row: not what was shown, late, or decided.

    The clock is asked before the row is read: a row that was not late then is decided by now.
    """
    late = model.objects.overdue().filter(pk=pk).exists()
    request: Any = find_by_id(pk)
    if request.digest != shown:
        return Stale(f"This page was out of date; {unchanged}.", request)
    if late or getattr(request, "resolution", "") == "deadline":
        return TooLate(f"The deadline has passed; {unchanged}.", request)
    return AlreadyDecided(name_winner(request), request)


def prefer_loss(
    error: LedgerError, request: Any, digest: str, explain_loss: Callable[[int, str], Refused]
) -> LedgerError:
    """The error to answer with: of input that came too late anyway, that it came too late."""
    gone = request.shown_status != "pending" or digest != request.digest
    return explain_loss(request.pk, digest) if gone and isinstance(error, BadInput) else error
