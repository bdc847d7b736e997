"""JSON objects in what models write: read strictly, since guessing would run what nobody wrote."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from ledger.canonical import canonical
from ledger.errors import BadInput

BEGINS_OBJECT = re.compile(r'\{\s*+["}]')


@dataclass(frozen=True)
class Placed:
    """An object, and where in the text it stands."""

    value: dict[str, Any]
    start: int
    end: int


def decoded(text: str) -> Any:
    """The JSON value that the whole text is. ValueError if it is none, or reads in two ways."""
    try:
        value = _decoder.decode(text)
        canonical(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def object_at(text: str, start: int) -> Placed | None:
    """The object that begins exactly there; None if there is none that reads in one way only."""
    try:
        value, end = _decoder.raw_decode(text, start) if text.startswith("{", start) else (None, 0)
        canonical(value)
    except (ValueError, RecursionError):
        return None
    return Placed(value, start, end) if isinstance(value, dict) else None


def objects_in(text: str) -> list[Placed] | None:
    """All objects in a text, in its order; None as soon as one is broken or reads in two ways."""
    placed: list[Placed] = []
    position = 0
    while match := BEGINS_OBJECT.search(text, position):
        one = object_at(text, match.start())
        if one is None:
            return None
        placed.append(one)
        position = one.end
    return placed


def json_object_in(text: str) -> dict[str, Any] | None:
    """The one JSON object in a text that may have prose or a code fence around it.

    None if there is none, if there are different ones, or if it can be read in two ways
    (duplicate keys, NaN, numbers that would change).
    """
    placed = objects_in(text) or []
    if not placed or any(one.value != placed[0].value for one in placed):
        return None
    return placed[0].value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise BadInput("arguments", "a key stands twice.")
    return dict(pairs)


def _refuse(name: str) -> NoReturn:
    raise BadInput("arguments", f"{name} is not JSON.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(text)
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
