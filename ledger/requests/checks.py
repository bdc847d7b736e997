"""Checks with which every verb begins: the row by its id, the person, permission, and words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models

from ledger import canonical
from ledger.accounts.people import user_named
from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.models import Run
from ledger.statements.prepared import Rows, slot

M = TypeVar("M", bound=models.Model)

MOST = 2**63 - 1  # what a database can be asked for
FEEDBACK = 10_000  # characters
SAY_WHY = "Say why, so that the agent can do better."
UNDECIDED = "Nothing was decided."


def make_finder(model: type[M], what: str, *related: str) -> Callable[[Any], M]:
    """A function from an id, a number or its text, to the row of that model.

    It reads the `related` rows, too (as select_related), and raises UnknownId, which calls such
    a row `what`, also for an id that is none.
    """
    key: Any = model._meta.pk
    rows: Rows[M] = Rows(
        lambda: model._default_manager.select_related(*related).filter(pk=slot(model, key.name))
    )

    def find_by_id(given: Any) -> M:
        try:
            number = key.get_prep_value(given)
        except (ValueError, TypeError, OverflowError) as error:
            raise UnknownId(what, given) from error
        found = rows(**{key.name: number}) if number is not None and abs(number) <= MOST else []
        if not found:
            raise UnknownId(what, given)
        return found[0]

    return find_by_id


def check_permitted(
    find_by_id: Callable[[Any], M],
    request_id: object,
    by: Any,
    refusal: Callable[[M, Any], str | None],
) -> tuple[M, Any]:
    """The request and the user; NotAllowed before anything else is said about the request."""
    request, user = find_by_id(request_id), user_named(by)
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
