"""The errors of verbs, each with the HTTP status that pages answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

QUOTED = 200  # characters of a value that an error repeats


def quoted(value: object, write: Callable[[object], str] = repr) -> str:
    """A value as an error names it, shortened. Not every number can be written out."""
    try:
        text = write(value)
    except ValueError:
        return "a number of very many digits"
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}…"


class LedgerError(Exception):
    """The root of all refusals. `http_status` is what a page answers."""

    http_status = 400


class BadInput(LedgerError, ValueError):
    """Input that is refused before anything is stored. `field` names it, `message` is a sentence."""

    http_status = 422

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class UnknownId(LedgerError, KeyError):
    """There is no such row; the message names the id."""

    http_status = 404

    def __init__(self, what: str, pk: object) -> None:
        super().__init__(f"There is no {what} {quoted(pk, str)}.")
        self.what = what
        self.pk = pk

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0])


class Refused(LedgerError):
    """The row is not as the caller thought. `current` is the row as it is now."""

    http_status = 409

    def __init__(self, message: str, current: Any = None) -> None:
        super().__init__(message)
        self.current = current


class AlreadyDecided(Refused):
    """Somebody was first. Nothing was changed; `current` says who decided what and when."""

    http_status = 409


class Stale(Refused):
    """The page showed something else than what would be decided now."""

    http_status = 412


class TooLate(Refused):
    """The deadline has passed. A deadline never approves."""

    http_status = 410


class IllegalMove(Refused):
    """There is no arrow from the row's status to the wanted one."""

    http_status = 409


class NotAllowed(LedgerError):
    """This person may not do this. `reason` is a sentence for that person."""

    http_status = 403

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LostLease(LedgerError):
    """Another runner drives this run by now; what this one still does does not count."""


class AppendOnly(LedgerError):
    """The log is only ever added to."""
