"""Checks that are made before anything is asked, whatever it is."""

from __future__ import annotations

from typing import TypeVar

from ledger import canonical
from ledger.errors import BadInput, IllegalMove, quoted
from ledger.models import Run
from ledger.requests.models import HumanRequest
from ledger.transitions import rows_for_update

R = TypeVar("R", bound=HumanRequest)

NAME = 200  # characters


def find_asked(model: type[R], run: Run | None, key: str) -> R | None:
    """The request that this run has made under this key before; None if there is none.

    IllegalMove when the run is over. Its row is taken first: a run that is cancelled at this
    moment must not leave a question behind.
    """
    if run is None:
        return None
    row: Run = rows_for_update(Run).get(pk=run.pk)
    if row.over:
        raise IllegalMove(f"Run {run.pk} is {row.status} and asks nothing more.", row)
    asked: R | None = model.objects.filter(run=run, key=key).first() if key else None
    return asked


def check_name(field: str, value: object) -> None:
    """BadInput unless `value` is a text of 1 to 200 characters that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise BadInput(field, f"{quoted(value)} is not a name.")
    if len(value) > NAME:
        raise BadInput(field, f"longer than {NAME} characters.")
    canonical.canonical(value, field)
