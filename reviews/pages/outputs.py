"""An output under review as a page shows it: by its type, raw, or the beginning of what is large."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from pages.rendering import highlight, json_tree
from pages.rendering.arguments import pretty
from pages.rendering.marks import mark
from pages.rendering.workers import drawing
from pages.rendering.workers.renderers import Rendered
from reviews.models import OutputType, Rendering

BEGINNING = 200_000  # characters of a large output that are shown at first
INDENTED = 2_000_000  # characters; JSON that is longer when indented is shown as it is stored
AT_ONCE = 4_000  # characters of plain text that are not worth asking a worker
LOOKS_MARKED = re.compile(
    r"^(?:#{1,6} |[-*+] |\d+\. |> |```|\|.*\|$)|\[[^\[\]\n]++\]\(|\*\*\S", re.M
)
LOOKS_CHANGED = re.compile(r"^(?:diff --git |--- .+\n\+\+\+ .+\n@@ )", re.M)
COSTLY = "It takes too long to be rendered and is shown raw."
BUSY = "The server was too busy to render it: it is shown raw. Load the page again in a moment."
LARGE = "It is too large to be rendered and is shown raw."
TOO_LARGE = "All of it takes too long to be drawn: this is its raw beginning."


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
    """The output, rendered where that is safe and cheap, else as it is. Nothing is lost silently.

    How large it is comes first: nothing looks for what it might be in what is never rendered.
    """
    text = _up_to(content, BEGINNING + 1)
    if len(text) > BEGINNING:
        return _large(content, text[:BEGINNING], whole=whole)
    size = size_of(len(text.encode()))
    if raw:
        return Shown(_marked(text), "text", size, raw=True)
    rendering = choose_rendering(content, kind)
    html, note = _render(rendering, content, text, kind)
    if html is None:
        return Shown(_marked(text), "text", size, note=note, raw=True)
    return Shown(html, str(rendering), size, note=note)


def _large(content: Any, beginning: str, *, whole: bool) -> Shown:
    stored = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    size = size_of(len(stored.encode()))
    if not whole:
        return Shown(_marked(beginning), "text", size, cut=True, note=LARGE, raw=True)
    text = _up_to(content, INDENTED + 1)
    try:
        html, _ = drawing.draw("text", text if len(text) <= INDENTED else stored)
    except (drawing.TooCostly, drawing.TooBusy):
        return Shown(_marked(beginning), "text", size, cut=True, note=TOO_LARGE, raw=True)
    return Shown(html or SafeString(""), "text", size, note=LARGE, raw=True)


def _render(rendering: Rendering, content: Any, text: str, kind: OutputType) -> Rendered:
    """The HTML, or why there is none: drawn once, whoever loads it and however it ends."""
    source = text
    if rendering == Rendering.JSON and not isinstance(content, str):
        source = json.dumps(content)
    language = _language(kind) if rendering == Rendering.CODE else ""
    key = hashlib.sha256(
        f"{rendering}\n{kind.language}\n{kind.name}\n{source}".encode()
    ).hexdigest()
    try:
        return _rendered.get(key, lambda: _within_budget(rendering, source, language))
    except drawing.TooBusy:
        return None, BUSY


def _within_budget(rendering: Rendering, source: str, language: str) -> Rendered:
    try:
        return drawing.draw(rendering, source, language)
    except drawing.TooCostly:
        return None, COSTLY


def _language(kind: OutputType) -> str:
    name = kind.name.lower()
    return kind.language or (name if highlight.knows(name) else "python")


def _marked(text: str) -> SafeString:
    """A text with its boxes, never longer than BEGINNING. What is plain takes linear time."""
    if len(text) > AT_ONCE:
        try:
            html, _ = drawing.draw("text", text)
            return html or SafeString("")
        except (drawing.TooCostly, drawing.TooBusy):
            pass  # then this process does it: a second at most
    return mark(text)


def _up_to(content: Any, most: int) -> str:
    """The output as text, up to so many characters: indented, a little JSON becomes a lot."""
    if isinstance(content, str):
        return content[:most]
    if len(json.dumps(content, ensure_ascii=False)) * json_tree.depth(content) <= INDENTED:
        return pretty(content)[:most]
    pieces, count = [], 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(content):
        pieces.append(piece)
        count += len(piece)
        if count >= most:
            break
    return "".join(pieces)[:most]


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
