"""What is checked before a person's act counts: whether they may, and what they write with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ledger import canonical
from ledger.errors import BadInput, NotAllowed
from ledger.models import Run
from ledger.people import user_named
from ledger.requests.models import HumanRequest

R = TypeVar("R", bound=HumanRequest)

FEEDBACK = 10_000  # characters
SAY_WHY = "Say why, so that the agent can do better."
UNDECIDED = "Nothing was decided."


def check_permitted(
    by_id: Callable[[Any], R], request_id: object, by: Any, refusal: Callable[[R, Any], str | None]
) -> tuple[R, Any]:
    """The request and the user; NotAllowed before anything else is said about the request."""
    request, user = by_id(request_id), user_named(by)
    reason = refusal(request, user)
    if reason is not None:
        raise NotAllowed(reason)
    return request, user


def refusal_of_dependent(run: Run | None, user: Any, act: str) -> str | None:
    """Why who asked for the run, or owns its agent, cannot `act`; None for everybody else."""
    if run is not None and run.requester_id == user.pk:
        return f"You asked for this run, so another person has to {act}."
    if run is not None and run.owner_id == user.pk:
        return f"You own this agent, so another person has to {act}."
    return None


def check_words(
    field: str, words: object, *, needed: str = "", most: int = FEEDBACK, unchanged: str = UNDECIDED
) -> None:
    """BadInput for what is no text, too long, or blank although `needed` (a sentence) asks for it.

    `unchanged` is the sentence that ends each message.
    """
    if not isinstance(words, str) or (needed and not words.strip()):
        raise BadInput(field, f"{needed or 'Text is needed.'} {unchanged}")
    if len(words) > most:
        raise BadInput(field, f"Longer than {most:,} characters. {unchanged}")
    canonical.canonical(words, field)
