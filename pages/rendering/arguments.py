"""Tables of an action's arguments: in full, with their types in words."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.rendering.confusables import alphabets
from pages.rendering.marks import count_hidden_in, find_mixed_scripts, mark, texts
from pages.rendering.readings import readings

_LONG = 200  # characters from which a value says where it ends
_WARNINGS = 5  # words named one by one; more are counted

_SIMPLE_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_KINDS = {bool: "yes or no", int: "whole number", float: "number", type(None): "empty"}
_PLURALS = {str: "texts", int: "whole numbers", float: "numbers", dict: "groups", list: "lists"}


@dataclass(frozen=True)
class Argument:
    """One row of the table of arguments. HTML is ready to print, with all marks in it."""

    name: SafeString
    type: str  # in words: "text, 21 lines, changed"
    changed: bool
    lines: list[SafeString]  # numbered from 1; empty if the value is in `text`
    text: SafeString
    muted: bool  # nothing is there: null, or an empty text
    end: str  # what follows "End of <name>. "; "" for a short value
    readings: list[SafeString]  # what it means to programs where that is not what it says
    warnings: list[SafeString]


def rows(
    details: Mapping[str, Any],
    schema: Mapping[str, Any] | None = None,
    changed: Collection[str] = (),
) -> list[Argument]:
    """The arguments in the order of their schema, then by name; none is left out or shortened."""
    fields: Mapping[str, Any] = (schema or {}).get("properties", {})
    order = {name: place for place, name in enumerate(fields)}
    names = sorted(details, key=lambda name: (order.get(name, len(order)), name))
    return [
        _row(name, details[name], _field(fields.get(name), schema), name in changed)
        for name in names
    ]


def plain(value: Any) -> str:
    """A value as a reader sees it: text as it is, a list one item a line, the rest as JSON."""
    if isinstance(value, str):
        return value
    items = _items(value)
    return "\n".join(items) if items else pretty(value)


def pretty(value: Any) -> str:
    """A value as JSON; a group of single values as one "name: value" a line."""
    if isinstance(value, dict) and value and not any(map(_is_nested, value.values())):
        return "\n".join(f"{_key(name)}: {_json(value[name])}" for name in sorted(value))
    return json.dumps(value, ensure_ascii=False, indent=2 if _is_nested(value) else None)


def _row(name: str, value: Any, field: Mapping[str, Any], changed: bool) -> Argument:
    text = plain(value)
    lines = text.split("\n") if isinstance(value, str) else _items(value)
    if isinstance(value, str) and len(lines) == 1:
        lines = []
    empty = value is None or value == ""
    marked = [mark(line, hosts=True) for line in lines]
    return Argument(
        name=mark(name),
        type=", ".join(_type(value, field)) + (", changed" if changed else ""),
        changed=changed,
        lines=marked,
        text=SafeString("") if marked else mark('""' if value == "" else text, hosts=True),
        muted=empty,
        end=_end(value, text),
        readings=list(_readings(value)),
        warnings=list(_warnings(value)),
    )


def _items(value: Any) -> list[str]:
    """The lines of a list of single values; [] for anything else."""
    if not isinstance(value, list) or any(map(_is_nested, value)):
        return []
    if all(isinstance(item, str) and "\n" not in item for item in value):
        return value
    return [_json(item) for item in value]  # 3 and "3" must not look the same


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _SIMPLE_NAME.fullmatch(name) else _json(name)


# ---- Words beside and beneath a value


def _type(value: Any, field: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, str):
        yield from _text_type(value, field)
    elif isinstance(value, list):
        yield _list_type(value)
    elif isinstance(value, dict):
        yield _count(len(value), "field") if value else "no fields"
    else:
        yield _KINDS[type(value)]


def _text_type(value: str, field: Mapping[str, Any]) -> Iterator[str]:
    if choices := field.get("enum"):
        yield f"choice of {len(choices)}"
    else:
        yield "address" if field.get("format") == "uri" else "text"
    if not value:
        yield "empty"
    elif value != value.strip(" \t\n"):
        yield "blanks at an end"
    if "\n" in value:
        yield f"{value.count(chr(10)) + 1:,} lines"


def _list_type(value: list[Any]) -> str:
    if not value:
        return "empty list"
    kinds = {type(item) for item in value}
    what = _PLURALS.get(kinds.pop(), "values") if len(kinds) == 1 else "values"
    return f"list of {len(value):,} {what if len(value) > 1 else what.removesuffix('s')}"


def _end(value: Any, text: str) -> str:
    """What the statement at the end of a long value says after the argument's name."""
    if len(text) <= _LONG and not (isinstance(value, str) and "\n" in text):
        return ""
    size = f"{len(text):,} characters" if isinstance(value, str) else "Shown in full"
    hidden = count_hidden_in(value)
    return f"{size}{f', {hidden:,} of them hidden' if hidden else ''}. Nothing is left out."


def _warnings(value: Any) -> Iterator[SafeString]:
    words = list(dict.fromkeys(word for text in texts(value) for word in find_mixed_scripts(text)))
    if len(words) > _WARNINGS:
        yield format_html("{} words mix alphabets; each such letter has a box", f"{len(words):,}")
        return
    for word in words:
        names = " and ".join(alphabets(word))
        if " and " in names:
            yield format_html("“{}” mixes {} letters", mark(word), names)
        else:
            yield format_html("“{}” is written in {} letters that look Latin", mark(word), names)


def _readings(value: Any) -> Iterator[SafeString]:
    """How programs elsewhere read it, where that is not what it looks like."""
    said = list(dict.fromkeys(line for text in texts(value) for line in readings(text)))
    yield from said[:_WARNINGS]
    if len(said) > _WARNINGS:
        yield format_html("and {} more that programs read otherwise", f"{len(said) - _WARNINGS:,}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ---- The schema


def _field(field: Any, schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """One field's schema with its reference followed and null left out; {} if there is none."""
    for option in [field, *(field or {}).get("anyOf", [])]:
        option = _follow(option, schema or {})
        if any(key in option for key in ("enum", "format")):
            return option
    return {}


def _follow(option: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = (option or {}).get("$ref", "").removeprefix("#/$defs/")
    return schema.get("$defs", {}).get(name, {}) if name else option or {}
