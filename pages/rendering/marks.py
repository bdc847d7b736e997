"""Makes deceptive characters visible: what hides, reverses or imitates gets a box with its number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from django.utils.safestring import SafeString

from pages.rendering.boxes import box, imitation, long_box
from pages.rendering.confusables import lookalikes
from pages.rendering.hidden_characters import is_hidden

# A stretch of text to wrap in a tag of its own: start, end, tag ("del", "ins").
Wrap = tuple[int, int, str]

_RUN = 4  # so many hidden characters in a row share one box; every number is still in it
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://([^\s/?#<>\"'`]+)")

# Emoji, roughly Extended_Pictographic; after them selectors and joiners are ordinary spelling.
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_KEYCAP = re.compile("[0-9#*]\ufe0f\u20e3")
_FLAGS = ("gbeng", "gbsct", "gbwls")  # the only flags spelled with tag characters
# Scripts whose spelling needs the two joiners between letters (Persian, Hindi, Sinhala …).
_JOINING = re.compile("[\u0620-\u074f\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff\u1000-\u109f]")
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]")


def mark(text: str, *, hosts: bool = False, wraps: Iterable[Wrap] = ()) -> SafeString:
    """HTML of a text, escaped, with a box for each character that hides or imitates another.

    With `hosts`, the host of every address is set in bold dots (it is never a link).
    `wraps` are stretches to set in a tag; boxes are found in the whole text all the same.
    """
    wraps = list(wraps)
    if not wraps and not hosts and text.isascii() and text.isprintable():
        return SafeString(escape(text))  # nothing hides in it: most words of code and prose
    cuts = {edge for start, end, _ in wraps for edge in (start, end)}
    pieces = [*_boxes(text, cuts)]
    for start, end, tag in wraps:
        pieces += _around(start, end, f"<{tag}>", f"</{tag}>")
    if hosts:
        pieces += _hosts(text)
    pieces.sort(key=lambda piece: piece[:2])
    out: list[str] = []
    at = 0
    for start, _, end, html in pieces:
        out += (escape(text[at:start]), html)
        at = max(at, end)
    out.append(escape(text[at:]))
    return SafeString("".join(out))  # all that came from the text has gone through escape()


def count_hidden(text: str) -> int:
    """How many characters of a text hide: all boxes of `mark` but those of look-alike letters."""
    return len(_find_hidden(text))


def find_mixed_scripts(text: str) -> list[str]:
    """The words of a text that mix alphabets to look like another word, each once, in order."""
    return list(dict.fromkeys(word for _, word, _ in lookalikes(text)))


def count_hidden_in(details: Any) -> int:
    """How many characters hide anywhere in a JSON value, names of fields included."""
    return sum(count_hidden(text) for text in texts(details))


def texts(details: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields included."""
    waiting = [details]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value


# ---- Which characters hide


def _find_hidden(text: str) -> list[int]:
    """Positions of the characters that hide, in order."""
    if text.isascii() and text.isprintable():
        return []
    found = {c for c in set(text) if is_hidden(c)}
    if not found:
        return []
    return [i for i, c in enumerate(text) if c in found and not _innocent(text, i)]


def _innocent(text: str, at: int) -> bool:
    """Whether an invisible character is ordinary spelling where it stands."""
    c = text[at]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if c in "\ufe0e\ufe0f":
        return bool(_EMOJI.match(before)) or bool(_KEYCAP.match(text[at - 1 : at + 2]))
    if c == "\u200d" and _EMOJI.match(after):
        return bool(_EMOJI.match(before)) or (
            before == "\ufe0f" and bool(_EMOJI.match(text[at - 2 : at - 1]))
        )
    if c in "\u200c\u200d":
        # After a virama a joiner may also end the word.
        return _joins(before) and (_joins(after) or unicodedata.combining(before) == 9)
    if c == "\u3000":
        return bool(_WIDE.match(before) or _WIDE.match(after))
    return "\U000e0020" <= c <= "\U000e007f" and _is_in_flag(text, at)


def _joins(c: str) -> bool:
    return bool(_JOINING.match(c)) and unicodedata.category(c)[0] in "LM"


def _is_in_flag(text: str, at: int) -> bool:
    """Whether a tag character belongs to one of the three flags that are spelled with them."""
    start = text.rfind("\U0001f3f4", max(0, at - 6), at)
    if start < 0:
        return False
    letters = "".join(
        chr(ord(c) - 0xE0000) for c in text[start + 1 : start + 7] if c > "\U000e0000"
    )
    return letters in {f"{flag}\x7f" for flag in _FLAGS}


# ---- Pieces of HTML: (start, order at one place, end, html)

_Piece = tuple[int, int, int, str]
_CLOSE, _OPEN, _BOX = 0, 1, 2


def _boxes(text: str, cuts: set[int]) -> Iterator[_Piece]:
    for start, end in _runs(_find_hidden(text), cuts):
        if end - start < _RUN:
            yield from ((i, _BOX, i + 1, box(text[i])) for i in range(start, end))
        else:
            yield start, _BOX, end, long_box(text[start:end])
    for start, _, looks in lookalikes(text):
        yield start, _BOX, start + 1, imitation(text[start], looks)


def _runs(places: list[int], cuts: set[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring places as (start, end), never across a cut."""
    start = last = None
    for place in places:
        if start is None or last is None:
            start = place
        elif place != last + 1 or place in cuts:
            yield start, last + 1
            start = place
        last = place
    if start is not None and last is not None:
        yield start, last + 1


def _around(start: int, end: int, opening: str, closing: str) -> list[_Piece]:
    if start >= end:
        return []
    return [(start, _OPEN, start, opening), (end, _CLOSE, end, closing)]


def _hosts(text: str) -> Iterator[_Piece]:
    for found in _ADDRESS.finditer(text):
        start, end = found.span(1)
        authority = found[1]
        # Programs disagree about a backslash here, so all that might be the host is shown as it.
        if "\\" not in authority:
            start += authority.rfind("@") + 1
            port = re.search(r":\d*$", authority)
            end -= len(port[0]) if port else 0
        yield from _around(start, end, '<span class="host">', "</span>")
