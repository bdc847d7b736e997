"""Rows by an id that came from outside: how every verb begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models

from ledger.errors import UnknownId
from ledger.statements.prepared import Rows, slot

M = TypeVar("M", bound=models.Model)

MOST = 2**63 - 1  # what a database can be asked for


def by_id_of(model: type[M], what: str, *related: str) -> Callable[[Any], M]:
    """A function from an id, a number or its text, to the row of that model.

    It reads the `related` rows, too (as select_related), and raises UnknownId, which calls such
    a row `what`, also for an id that is none.
    """
    key: Any = model._meta.pk
    rows: Rows[M] = Rows(
        lambda: model._default_manager.select_related(*related).filter(pk=slot(model, key.name))
    )

    def by_id(given: Any) -> M:
        try:
            number = key.get_prep_value(given)
        except (ValueError, TypeError, OverflowError) as error:
            raise UnknownId(what, given) from error
        found = rows(**{key.name: number}) if number is not None and abs(number) <= MOST else []
        if not found:
            raise UnknownId(what, given)
        return found[0]

    return by_id
