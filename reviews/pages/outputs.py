"""An output under review as a page shows it: by its type, raw, or the beginning of what is large."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.rendering import highlight, json_tree, markdown
from pages.rendering.arguments import pretty
from pages.rendering.marks import mark
from reviews.contents import parse
from reviews.models import OutputType, Rendering

BEGINNING = 200_000  # characters of a large output that are shown at first
MAX_LINES = 5_000  # of a difference
LOOKS_MARKED = re.compile(r"^(?:#{1,6} |[-*+] |\d+\. |> |```|\|.*\|$)|\[[^\]\n]+\]\(|\*\*\S", re.M)
LOOKS_CHANGED = re.compile(r"^(?:diff --git |--- .+\n\+\+\+ .+\n@@ )", re.M)


@dataclass(frozen=True)
class Shown:
    """What stands in the frame. `kind` is markdown, code, json, diff or text; `cut` says that
    only the beginning is there, of `size`; `note` why it is not rendered."""

    html: SafeString
    kind: str
    size: str
    cut: bool = False
    note: str = ""
    raw: bool = False


def render_output(
    content: Any, kind: OutputType, *, raw: bool = False, whole: bool = False
) -> Shown:
    """The output, rendered where that is safe and cheap, else as it is. Nothing is lost silently."""
    text = plain(content)
    size = size_of(len(text.encode()))
    rendering = choose_rendering(content, kind)
    if len(text) > BEGINNING:
        beginning = text if whole else text[:BEGINNING]
        note = "It is too large to be rendered and is shown raw."
        return Shown(mark(beginning), "text", size, cut=not whole, note=note, raw=True)
    if raw:
        return Shown(mark(text), "text", size, raw=True)
    key = hashlib.sha256(f"{rendering}\n{kind.language}\n{kind.name}\n{text}".encode()).hexdigest()
    html, note = _rendered.get(key, lambda: _RENDERERS[rendering](content, kind))
    if html is None:
        return Shown(mark(text), "text", size, note=note, raw=True)
    return Shown(html, str(rendering), size, note=note)


def plain(content: Any) -> str:
    """The output as text: JSON that is no text is indented."""
    return content if isinstance(content, str) else pretty(content)


def size_of(count: int) -> str:
    """Bytes in words: "96 bytes", "3.2 KB", "10.0 MB"."""
    if count < 1024:
        return f"{count} bytes"
    if count < 1024**2:
        return f"{count / 1024:.1f} KB"
    return f"{count / 1024**2:.1f} MB"


def choose_rendering(content: Any, kind: OutputType) -> Rendering:
    """How it is shown: as its type says, else by the type's name, else by what it looks like."""
    if kind.rendering != Rendering.AUTO:
        return Rendering(kind.rendering)
    if not isinstance(content, str):
        return Rendering.JSON
    name = kind.name.lower()
    if name in ("markdown", "code", "json", "diff", "text"):
        return Rendering(name)
    if LOOKS_CHANGED.search(content):
        return Rendering.DIFF
    if highlight.knows(name):
        return Rendering.CODE
    return Rendering.MARKDOWN if LOOKS_MARKED.search(content) else Rendering.TEXT


# ---- Renderers: HTML, or None and why not

Rendered = tuple[SafeString | None, str]


def _markdown(content: Any, kind: OutputType) -> Rendered:
    text = plain(content)
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


def _code(content: Any, kind: OutputType) -> Rendered:
    language = kind.language or (kind.name.lower() if highlight.knows(kind.name.lower()) else "")
    return highlight.highlight(plain(content), language or "python"), ""


def _json(content: Any, kind: OutputType) -> Rendered:
    value = content
    if isinstance(content, str):
        value = parse(content)
        if value is NotImplemented:
            return None, "It is no JSON and is shown as it is."
    if json_tree.nodes(value) > json_tree.MAX_NODES:
        return None, f"More than {json_tree.MAX_NODES:,} values: it is shown raw."
    return json_tree.tree(value), ""


def _diff(content: Any, kind: OutputType) -> Rendered:
    lines = plain(content).split("\n")
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


def _text(content: Any, kind: OutputType) -> Rendered:
    return mark(plain(content)), ""


_RENDERERS: dict[Rendering, Callable[[Any, OutputType], Rendered]] = {
    Rendering.MARKDOWN: _markdown,
    Rendering.CODE: _code,
    Rendering.JSON: _json,
    Rendering.DIFF: _diff,
    Rendering.TEXT: _text,
}


class _Cache:
    """The last few outputs that were rendered, by what they hold: a page is often loaded again."""

    MOST = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Rendered] = OrderedDict()

    def get(self, key: str, make: Callable[[], Rendered]) -> Rendered:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > self.MOST:
                self._found.popitem(last=False)
        return made


_rendered = _Cache()
