"""How programs elsewhere read a text that people see as it is written: decoded, and in one line each.

A mail's `=?utf-8?q?…?=`, a URL's `%2e%2e` and a host's `xn--…` are plain letters to whoever decides
and something else to whoever receives them. What is decided on is what arrives.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from urllib.parse import unquote, urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.rendering.confusables import alphabets
from pages.rendering.marks import mark

LONGEST = 4_000  # characters of one that are read: encoded words and URLs are not longer

ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,500}\?=")
URL = re.compile(r"https?://[^\s\"'<>]{1,4000}", re.IGNORECASE)
IDNA_LABEL = re.compile(r"(?<![\w-])xn--[a-z0-9-]{1,59}(?![\w-])", re.IGNORECASE)


def readings(text: str) -> list[SafeString]:
    """Sentences, without a full stop, on what a text means to programs where that is not what it says to a reader."""
    return [*_mail(text), *_hosts(text), *_urls(text)]


def _mail(text: str) -> Iterator[SafeString]:
    if ENCODED_WORD.search(text):
        yield format_html("Mail programs show it as “{}”", mark(_decoded(text[:LONGEST])))


def _decoded(text: str) -> str:
    try:
        pieces = decode_header(text)
    except HeaderParseError:  # of a base64 that is none: programs differ
        return "words that not every program can read"
    return "".join(_piece(piece, charset) for piece, charset in pieces)


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "latin-1", "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")


def _hosts(text: str) -> Iterator[SafeString]:
    for label in dict.fromkeys(IDNA_LABEL.findall(text)):
        try:
            shown = label[4:].encode().decode("punycode")
        except (UnicodeError, OverflowError, ValueError):
            continue
        letters = " and ".join(alphabets(shown))
        yield format_html("“{}” stands for “{}”, in {} letters", mark(label), mark(shown), letters)


def _urls(text: str) -> Iterator[SafeString]:
    for url in dict.fromkeys(URL.findall(text)):
        yield from _host_of(url)
        yield from _path_of(url)


def _host_of(url: str) -> Iterator[SafeString]:
    """The host that is asked where another is written."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    if host.isascii():
        return
    try:
        asked = host.encode("idna").decode()
    except UnicodeError:
        return
    yield format_html("The host “{}” is asked for as “{}”", mark(host), mark(asked))


def _path_of(url: str) -> Iterator[SafeString]:
    """What stands behind the percent signs, and where the dots lead."""
    place, question, query = url.partition("?")
    scheme, _, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    plain = _unquoted(path)
    lead = slash + plain
    if any(part in (".", "..") for part in plain.replace("\\", "/").split("/")):
        lead = posixpath.normpath("/" + plain.replace("\\", "/"))
    read = f"{scheme}://{host}{lead}{question}{_unquoted(query)}"
    if read != url:
        yield format_html("A server may read it as “{}”", mark(read))


def _unquoted(text: str) -> str:
    """Without percent signs; what was encoded twice is decoded twice, as by a proxy and its server."""
    for _ in range(3):
        plain = unquote(text, errors="replace")
        if plain == text:
            break
        text = plain
    return text
