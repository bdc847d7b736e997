"""JSON values as the text of a control and back, without loss: None where that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ledger import canonical
from ledger.errors import BadInput

WORDS = {
    "line": "text",
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "choice": "choice",
    "lines": "list of texts, one a line",
    "pairs": "fields, one “name: value” a line",
    "json": "JSON",
}


# ---- Showing: a value as text, or None if this kind cannot hold it


def _show_text(value: Any) -> str | None:
    # A browser turns every line end into CRLF, and what comes back is read as LF.
    return value if isinstance(value, str) and "\r" not in value else None


def _show_number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return canonical.canonical(value) if is_number else None


def _show_integer(value: Any) -> str | None:
    return _show_number(value) if isinstance(value, int) else None


def _show_lines(value: Any) -> str | None:
    if not isinstance(value, list) or not all(_fits_line(item) for item in value):
        return None
    return None if value and value[-1] == "" else "\n".join(value)


def _show_pairs(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    fits = all(name and ":" not in name and _fits_line(name) for name in value)
    if not fits or not all(_fits_line(item) for item in value.values()):
        return None
    return "\n".join(f"{name}: {item}" for name, item in value.items())


def _fits_line(item: Any) -> bool:
    return isinstance(item, str) and "\n" not in item and "\r" not in item


def _show_json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _show_choice(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False)


SHOW: dict[str, Callable[[Any], str | None]] = {
    "text": _show_text,
    "integer": _show_integer,
    "number": _show_number,
    "choice": _show_choice,
    "lines": _show_lines,
    "pairs": _show_pairs,
    "json": _show_json,
}


# ---- Reading: the text of a control as a value, or BadInput about the argument `name`


def _read_text(text: str, name: str) -> str:
    return text


def _read_number(text: str, name: str) -> float:
    try:
        value = canonical.parse(text.strip(), name)
    except BadInput as error:
        beyond = "2^53" in error.message
        raise BadInput(name, error.message if beyond else "must be a number.") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(name, "must be a number.")
    return value


def _read_integer(text: str, name: str) -> int:
    try:
        value = _read_number(text, name)
    except BadInput as error:
        if "2^53" in error.message:
            raise
        raise BadInput(name, "must be a whole number.") from error
    if not isinstance(value, int):
        raise BadInput(name, "must be a whole number.")
    return value


def _read_lines(text: str, name: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _read_pairs(text: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if not line:
            continue
        key, colon, value = line.partition(":")
        if not colon or not key:
            raise BadInput(name, "each line needs a name, a colon and a value.")
        if key in found:
            raise BadInput(name, f"{key} stands twice.")
        found[key] = value.removeprefix(" ")
    return found


def _read_json(text: str, name: str) -> Any:
    return canonical.parse(text, name)


READ: dict[str, Callable[[str, str], Any]] = {
    "line": _read_text,
    "text": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "choice": _read_json,
    "lines": _read_lines,
    "pairs": _read_pairs,
    "json": _read_json,
}
