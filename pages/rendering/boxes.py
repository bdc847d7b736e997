"""The boxes that stand in a text for characters which hide or imitate."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from html import escape
from typing import Any

from pages.rendering.hidden_characters import NAMES, SHORT, is_loud


@lru_cache(maxsize=4096)
def box(c: str) -> str:
    return _span(_number(c), _title(c), soft=not is_loud(c))


def long_box(run: str) -> str:
    """One box for many hidden characters in a row, each with its number, none left out."""
    counted: list[list[Any]] = []
    for c in run:
        if counted and counted[-1][0] == c:
            counted[-1][1] += 1
        else:
            counted.append([c, 1])
    numbers = " ".join(_number(c) + (f" ×{n}" if n > 1 else "") for c, n in counted)
    spelled = "".join(chr(ord(c) - 0xE0000) for c in run if "\U000e0020" <= c <= "\U000e007e")
    numbers += f" = “{escape(spelled)}”" if spelled else ""
    title = f"{len(run)} hidden characters in a row"
    return _span(numbers, title, soft=not any(map(is_loud, run)), more=" is-run")


@lru_cache(maxsize=4096)
def imitation(c: str, looks: str) -> str:
    why = f", looks like {looks}" if looks else ", in a word of another alphabet"
    return _span(_number(c), _title(c) + why, soft=True)


def _span(label: str, title: str, *, soft: bool, more: str = "") -> str:
    kind = f"hid{' is-soft' if soft else ''}{more}"
    return f'<span class="{kind}" title="{escape(title)}">{label}</span>'


def _number(c: str) -> str:
    short = SHORT.get(c)
    return f"U+{ord(c):04X} {short}" if short else f"U+{ord(c):04X}"


def _title(c: str) -> str:
    if c in NAMES:
        return NAMES[c]
    kind = unicodedata.category(c)
    if kind == "Cn":
        return "Not a known character; nobody can say how it looks"
    if kind == "Co":
        return "Private character; each font draws it differently"
    if kind == "Cs":
        return "Half of a character"
    return unicodedata.name(c, f"Control character {ord(c)}").capitalize()
