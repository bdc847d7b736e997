"""Markdown of an agent as safe HTML: no HTML of its own, no images, every link shown with its host.

Two layers: the parser passes no HTML through, and an allow-list cleans what it made. Characters
that hide or imitate are boxed as everywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from dashboard.highlight import highlight
from dashboard.marks import mark

Tokens = Sequence[Token]

MAX_BYTES = 200 * 1024
MAX_COLUMNS = 50  # a table of 13 KB made 664 KB of HTML
MAX_HTML = 2 * 1024 * 1024  # characters

TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "span", "a"),
    *("ul", "ol", "li", "em", "strong", "s", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "span": {"class", "title"},
    "pre": {"class"},
    "ol": {"start"},
}
SCHEMES = {"http", "https", "mailto"}


def problem(text: str) -> str:
    """Why this text is not rendered, as a sentence; "" if it may be."""
    if len(text.encode()) > MAX_BYTES:
        return f"Markdown over {MAX_BYTES // 1024} KB is shown raw."
    if any(line.count("|") > MAX_COLUMNS + 1 for line in text.splitlines()):
        return f"A table of more than {MAX_COLUMNS} columns: the text is shown raw."
    return ""


def render(text: str) -> SafeString | None:
    """The HTML, or None where it grows beyond what a page should hold."""
    made = _parser.render(text, {})
    if len(made) > MAX_HTML:
        return None
    clean = nh3.clean(
        made,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow ugc",
    )
    return SafeString(clean)  # what nh3 has let through


class _Renderer(RendererHTML):
    """How single tokens are written; its methods are called by the names of the tokens."""

    def text(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return mark(tokens[idx].content)

    def code_inline(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"<code>{mark(tokens[idx].content)}</code>"

    def fence(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        language = token.info.split()[0] if token.info.strip() else ""
        return f'<pre class="code">{highlight(token.content, language)}</pre>\n'

    def code_block(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return self.fence(tokens, idx, options, env)

    def image(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        """Named, never loaded: an address that a page fetches tells somebody that it was read."""
        token = tokens[idx]
        words = f"{mark(token.content)}, " if token.content else ""
        where = mark(_shown(str(token.attrs.get("src", ""))))
        return f'<span class="link-shown">[image not loaded: {words}{where}]</span>'

    def link_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        href = str(tokens[idx].attrs.get("href", ""))
        env.setdefault("links", []).append(href)
        return f'<a href="{escape(href)}">'

    def link_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f'</a> <span class="link-shown">{mark(_shown(env["links"].pop()))}</span>'

    def heading_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"<{_lower(tokens[idx].tag)}>"

    def heading_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"</{_lower(tokens[idx].tag)}>\n"


def _lower(heading: str) -> str:
    """One step down: the page has its own first heading."""
    return f"h{min(6, int(heading[1:]) + 1)}"


def _shown(address: str) -> str:
    """Where a link leads, in the fewest words: the host comes first."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    return f"{parts.netloc}{parts.path}" if parts.netloc else address


_parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
_parser.enable(["table", "strikethrough"])
