"""JSON as it is taken in, stored and digested: strict limits, RFC 8785 text, SHA-256.

What a person decides on is bound to these bytes, so everything whose bytes could be read in two
ways is refused: duplicate keys, NaN, integers that a double cannot hold, U+0000, lone surrogates.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import rfc8785
from django.conf import settings
from django.db import models

from ledger.errors import BadInput, quoted

MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_KEYS = 10_000
MAX_SPARE = 4  # a text that is read may be so many times as long as the largest canonical form


def max_bytes() -> int:
    """The largest canonical form that is stored, in bytes (setting HITL_MAX_DETAILS_BYTES)."""
    return int(getattr(settings, "HITL_MAX_DETAILS_BYTES", 256 * 1024))


def canonical(value: object, field: str = "details") -> str:
    """The RFC 8785 text of a JSON value, or BadInput that names `field` and the limit."""
    _Check(field).value(value, depth=1)
    text = rfc8785.dumps(value).decode()  # type: ignore[arg-type]  # checked above
    if len(text.encode()) > max_bytes():
        raise BadInput(field, f"larger than {max_bytes():,} bytes as canonical JSON.")
    return text


def envelope_text(value: dict[str, Any]) -> str:
    """RFC 8785 text of an envelope that we built around checked values: no limits of its own."""
    return rfc8785.dumps(value).decode()


def parse(text: str | bytes, field: str = "details") -> Any:
    """The JSON value in `text`; duplicate keys, NaN and the limits above are refused."""
    if len(text) > MAX_SPARE * max_bytes():
        raise BadInput(field, f"longer than {MAX_SPARE * max_bytes():,} bytes.")
    try:
        if isinstance(text, bytes):
            text = text.decode()  # json.loads() would guess UTF-16 and UTF-32 too
        value = json.loads(text, object_pairs_hook=_unique(field), parse_constant=_constant(field))
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise BadInput(field, f"not valid JSON: {error}") from error
    canonical(value, field)
    return value


def digest(text: str, domain: str) -> str:
    """SHA-256 (hex) of a canonical text, separated by what it is a digest of."""
    return hashlib.sha256(f"{domain}\n{text}".encode()).hexdigest()


def storable(value: Any) -> Any:
    """A JSON value as both databases take it, for texts that only inform, such as an error's.

    U+0000 and lone surrogates become U+FFFD; NaN and infinities become text.
    """
    if isinstance(value, str):
        text = value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass")
        return text.decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def normalize(value: Any) -> Any:
    """A value as it comes back from a JSON column: lists for tuples, keys that are text."""
    return json.loads(json.dumps(storable(value)))


class _Check:
    """Walks a value once and refuses what RFC 8785 or our limits do not allow."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.keys = 0

    def value(self, value: object, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BadInput(self.field, f"nested deeper than {MAX_DEPTH} levels.")
        if value is None or isinstance(value, bool):
            return
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, int | float):
            self._number(value)
        elif isinstance(value, dict):
            self._object(value, depth)
        elif isinstance(value, list | tuple):
            for item in value:
                self.value(item, depth + 1)
        else:
            raise BadInput(self.field, f"{type(value).__name__} is not JSON.")

    def _object(self, value: dict[Any, Any], depth: int) -> None:
        self.keys += len(value)
        if self.keys > MAX_KEYS:
            raise BadInput(self.field, f"more than {MAX_KEYS:,} keys.")
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadInput(self.field, f"the key {quoted(key)} is not text.")
            self._text(key)
            self.value(item, depth + 1)

    def _number(self, value: float) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInput(self.field, f"{value} is not JSON.")
        if value == int(value) and abs(value) > MAX_SAFE_INTEGER:
            # The number is not repeated: it may have more digits than Python writes.
            raise BadInput(
                self.field, "a number is beyond 2^53-1 and would change; send it as text."
            )

    def _text(self, value: str) -> None:
        if "\0" in value:
            raise BadInput(self.field, "U+0000 is not allowed.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BadInput(self.field, "a lone surrogate is not a character.") from error


def _unique(field: str) -> Any:
    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = next(key for key, count in counts.items() if count > 1)
            raise BadInput(field, f"the key {quoted(twice)} stands twice.")
        return found

    return hook


def _constant(field: str) -> Any:
    def hook(name: str) -> None:
        raise BadInput(field, f"{name} is not JSON.")

    return hook


if TYPE_CHECKING:
    AnyTextField = models.TextField[Any, Any]
else:
    AnyTextField = models.TextField


class CanonicalJSONField(AnyTextField):
    """A JSON value whose stored text is its RFC 8785 form: the bytes that are decided on."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str:
        return canonical(value, self.name)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj))

    def to_python(self, value: Any) -> Any:
        return value
