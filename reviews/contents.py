"""An output as it is stored: any JSON, as text, up to sizes that a page can still show."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from django.db import models

from ledger.errors import BadInput, quoted

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100
MAX_DIGITS = 4_000  # of a whole number; Python neither writes nor reads more than 4,300
_MAX_BITS = int(MAX_DIGITS * 3.3219)
DOMAIN = "hitl-review/v1"


def encode(value: object, field: str = "content") -> str:
    """The JSON text of an output, or BadInput: no NaN, U+0000, lone surrogates, at most 32 MB.

    Unlike arguments that run, an output may hold numbers of up to 4,000 digits:
    nothing is computed from it.
    """
    _check(value, field, depth=1)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > MAX_BYTES:
        raise BadInput(field, f"larger than {MAX_BYTES // 1024**2} MB.")
    return text


def digest(text: str) -> str:
    """SHA-256 (hex) of a stored text."""
    return hashlib.sha256(f"{DOMAIN}\n{text}".encode()).hexdigest()


def format_text(content: Any) -> str:
    """The output as a person reads and corrects it: text as it is, anything else as JSON."""
    return (
        content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
    )


def parse_correction(original: Any, typed: str) -> Any:
    """What a person typed in the place of `original`: text, or JSON where that was no text."""
    if isinstance(original, str):
        return typed
    try:
        return json.loads(typed, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput("content", f"This is not JSON, as the original is: {error}.") from error


def parse(text: str) -> Any:
    """The JSON value in a text; NotImplemented for a text that is none."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return NotImplemented


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check(value: object, field: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadInput(field, f"nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        _check_text(value, field)
    elif isinstance(value, dict | list | tuple):
        for item in _within(value, field):
            _check(item, field, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadInput(field, f"{value} is not JSON.")
    elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise BadInput(
            field, f"a whole number of more than {MAX_DIGITS:,} digits; send it as text."
        )
    elif not (value is None or isinstance(value, bool | int | float)):
        raise BadInput(field, f"{type(value).__name__} is not JSON.")


def _within(value: Any, field: str) -> Any:
    """What a list or an object holds, its names included."""
    if not isinstance(value, dict):
        return value
    for name in value:
        if not isinstance(name, str):
            raise BadInput(field, f"the key {quoted(name)} is not text.")
    return [*value, *value.values()]


def _check_text(value: str, field: str) -> None:
    if "\0" in value:
        raise BadInput(field, "U+0000 is not allowed.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInput(field, "a lone surrogate is not a character.") from error


if TYPE_CHECKING:
    AnyTextField = models.TextField[Any, Any]
else:
    AnyTextField = models.TextField


class OutputField(AnyTextField):
    """Any JSON value, stored as its text. JSON's null is `null`; the column's NULL is nothing."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None and self.null else encode(value, self.name)

    def value_to_string(self, obj: models.Model) -> str:
        return encode(self.value_from_object(obj), self.name)

    def to_python(self, value: Any) -> Any:
        return value
