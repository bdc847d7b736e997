"""A JSON value as a tree that opens and closes without a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.rendering.marks import mark

MAX_NODES = 5_000
MAX_DEPTH = 100
OPEN = 2  # levels that are open at first


def nodes(value: Any) -> int:
    """How many values there are in it, itself included; stops counting beyond the limit."""
    waiting, count = [value], 0
    while waiting and count <= MAX_NODES:
        found = waiting.pop()
        count += 1
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
    return count


def depth(value: Any) -> int:
    """How deep it nests; stops counting beyond the limit."""
    level, count = [value], 0
    while level and count <= MAX_DEPTH:
        inner = [
            item.values() if isinstance(item, dict) else item for item in level if _nests(item)
        ]
        level, count = [each for group in inner for each in group], count + 1
    return count


def _nests(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def tree(value: Any) -> SafeString:
    """The HTML of it."""
    return SafeString("".join(_node(SafeString(""), value, 0)))


def _node(label: SafeString, value: Any, depth: int) -> Iterator[str]:
    if not _nests(value):
        yield format_html("<div>{}{}</div>", label, _leaf(value))
        return
    count = len(value)
    noun = "field" if isinstance(value, dict) else "item"
    yield format_html(
        '<details{}><summary>{}<span class="muted">{} {}{}</span></summary><div>',
        SafeString(" open" if depth < OPEN else ""),
        label,
        f"{count:,}",
        noun,
        "" if count == 1 else "s",
    )
    pairs = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    for name, item in pairs:
        yield from _node(format_html("<b>{}</b> ", mark(str(name))), item, depth + 1)
    yield "</div></details>"


def _leaf(value: Any) -> SafeString:
    if isinstance(value, str):
        return format_html('<span class="s">“{}”</span>', mark(value))
    if value is None or isinstance(value, bool):
        return format_html('<span class="k">{}</span>', json.dumps(value))
    return format_html('<span class="m">{}</span>', json.dumps(value))
