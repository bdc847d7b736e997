"""Markdown of an agent as safe HTML: no HTML of its own, no images, every link shown with its host.

Two layers: the parser passes no HTML through, and an allow-list cleans what it made. Characters
that hide or imitate are boxed as everywhere else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html import unescape
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from pages.rendering.highlight import highlight
from pages.rendering.marks import mark

Tokens = Sequence[Token]

MAX_BYTES = 200 * 1024
MAX_COLUMNS = 50  # a table of 13 KB made 664 KB of HTML
MAX_MARKS = 20_000  # characters of markup; the parser takes quadratic time on some
MAX_NESTING = 50  # what is nested deeper the parser leaves out
MAX_HTML = 2 * 1024 * 1024  # characters
MARKS = "[]|*_`<&!~"
WORD = re.compile(r"[^\W_]+")
NUMBERING = re.compile(r"^(?:[^\S\n]|>)*+\d{1,9}[.)](?=\s)", re.M)
TAG = re.compile(r"<[^>]*(?:>|\Z)")
# As Markdown reads them; a number of more digits than that is none.
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

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
    if sum(map(text.count, MARKS)) > MAX_MARKS:
        return f"More than {MAX_MARKS:,} characters of markup: the text is shown raw."
    return ""


def render(text: str) -> SafeString | None:
    """The HTML, or None where it grows or nests beyond what a page should hold."""
    env: dict[str, Any] = {}
    tokens = _parser.parse(text, env)
    if max((token.level for token in tokens), default=0) >= MAX_NESTING - 2:
        return None
    made = _parser.renderer.render(tokens, _parser.options, env)
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


def unseen(text: str, html: str) -> list[str]:
    """Words of the text that are not visible when it is rendered, such as in a link definition.

    Markdown has places that no reader sees; a person must not approve what they were not shown.
    """
    there = Counter(WORD.findall(_unescaped(TAG.sub(" ", html))))
    wanted = Counter(WORD.findall(_unescaped(NUMBERING.sub("", text))))
    wanted.pop("https", None)  # the usual scheme is not repeated beside a link
    return list((wanted - there).elements())


def _unescaped(text: str) -> str:
    return ENTITY.sub(lambda entity: unescape(entity[0]), text)


# ---- How it is written


class _Renderer(RendererHTML):
    """How single tokens are written; its methods are called by the names of the tokens."""

    def text(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return mark(tokens[idx].content)

    def code_inline(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"<code>{mark(tokens[idx].content)}</code>"

    def fence(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        """With its first line's words, in which no reader of other programs would see anything."""
        token = tokens[idx]
        info = unescapeAll(token.info).strip()
        named = f'<span class="c">{mark(info)}</span>\n' if info else ""
        language = info.split()[0] if info else ""
        return f'<pre class="code">{named}{highlight(token.content, language)}</pre>\n'

    def code_block(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return self.fence(tokens, idx, options, env)

    def image(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        """Named, never loaded: an address that a page fetches tells somebody that it was read."""
        token = tokens[idx]
        words = f"{mark(token.content)}, " if token.content else ""
        where = _where(token, "src")
        return f'<span class="link-shown">[image not loaded: {words}{where}]</span>'

    def link_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        href = str(tokens[idx].attrs.get("href", ""))
        env.setdefault("links", []).append(_where(tokens[idx], "href"))
        return f'<a href="{escape(href)}">'

    def link_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f'</a> <span class="link-shown">{env["links"].pop()}</span>'

    def heading_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"<{_lower(tokens[idx].tag)}>"

    def heading_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"</{_lower(tokens[idx].tag)}>\n"


def _lower(heading: str) -> str:
    """One step down: the page has its own first heading."""
    return f"h{min(6, int(heading[1:]) + 1)}"


def _where(token: Token, attribute: str) -> str:
    """Where a link or an image leads, all of it, and its title: the host comes first."""
    address = str(token.attrs.get(attribute, "")).removeprefix("https://")
    title = token.attrs.get("title")
    return mark(f"{address} “{title}”" if title else address)


_parser = MarkdownIt(
    "commonmark", {"html": False, "maxNesting": MAX_NESTING}, renderer_cls=_Renderer
)
_parser.enable(["table", "strikethrough"])
