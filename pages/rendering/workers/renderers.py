"""An agent's text as HTML by what it is: Markdown, code, JSON, a difference, or plain text.

Nothing here asks a database or a setting: it runs in a process of its own (`worker.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.rendering import highlight, json_tree, markdown
from pages.rendering.marks import mark

MAX_LINES = 5_000  # of a difference

Rendered = tuple[SafeString | None, str]  # None and why not; or the HTML, and what to know of it


def render(kind: str, text: str, language: str = "") -> Rendered:
    """The HTML of a text of that kind, or None and a sentence that says why there is none."""
    return RENDERERS[kind](text, language)


def _markdown(text: str, language: str) -> Rendered:
    problem = markdown.problem(text)
    if problem:
        return None, problem
    html = markdown.render(text)
    if html is None:
        return None, "It grows too large or nests too deep when rendered and is shown raw."
    unseen = markdown.unseen(text, html)
    if not unseen:
        return html, ""
    count = f"{len(unseen):,} word{'s' if len(unseen) > 1 else ''}"
    are = "are" if len(unseen) > 1 else "is"
    return html, f"{count} {are} not visible when rendered, such as “{unseen[0]}”: look at it raw."


def _code(text: str, language: str) -> Rendered:
    return highlight.highlight(text, language), ""


def _json(text: str, language: str) -> Rendered:
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except _Twice as error:
        return None, f"The name “{error}” stands twice in one group: it is shown raw."
    except (ValueError, RecursionError):
        return None, "It is no JSON and is shown as it is."
    if json_tree.nodes(value) > json_tree.MAX_NODES:
        return None, f"More than {json_tree.MAX_NODES:,} values: it is shown raw."
    if json_tree.depth(value) > json_tree.MAX_DEPTH:
        return None, f"Nested deeper than {json_tree.MAX_DEPTH} levels: it is shown raw."
    return json_tree.tree(value), ""


class _Twice(Exception):
    """A name that stands twice: a tree would show one of both, and programs differ in which."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, item in pairs:
        if name in value:
            raise _Twice(name[:100])
        value[name] = item
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _diff(text: str, language: str) -> Rendered:
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        return None, f"A difference of more than {MAX_LINES:,} lines is shown raw."
    return SafeString("".join(_diff_line(*line) for line in enumerate(lines, start=1))), ""


def _diff_line(number: int, line: str) -> SafeString:
    if line.startswith(("+++ ", "--- ", "@@", "diff ", "index ")):
        return format_html('<tr class="gap"><td colspan="3">{}</td></tr>', mark(line))
    css = {"+": "ins", "-": "del"}.get(line[:1], "")
    sign = {"ins": "+", "del": "−"}.get(css, "")
    rest = line[1:] if css or line[:1] == " " else line
    row = '<tr class="{}"><td>{}</td><td>{}</td><td>{}</td></tr>'
    return format_html(row, css, number, sign, mark(rest) or SafeString("&nbsp;"))


def _text(text: str, language: str) -> Rendered:
    return mark(text), ""


RENDERERS: dict[str, Callable[[str, str], Rendered]] = {
    "markdown": _markdown,
    "code": _code,
    "json": _json,
    "diff": _diff,
    "text": _text,
}
