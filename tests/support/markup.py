"""A page as a browser takes it: without the white space that only lays out its source."""

from __future__ import annotations

import re

KEPT = re.compile(r"(<(textarea|pre)\b[^>]*>.*?</\2>)", re.S)
TAG = re.compile(r"<[a-z!/][^<>]*>")
WITHIN_TEXT = "a|code|small|strong|time"
BREAK = re.compile(r"(?<=>)\s*\n\s*|\s*\n\s*(?=<)")


def as_shown(html: str) -> str:
    """Line breaks beside a tag are left out, but where they part words from a tag in a text;
    other white space is one blank. What a field or a `pre` holds stays as it is."""
    parts = KEPT.split(html)
    done = [_shown(parts[0])]
    for field, after in zip(parts[1::3], parts[3::3], strict=True):
        done += [TAG.sub(_on_one_line, field, count=1), _shown(after)]
    return "".join(done)


def _shown(html: str) -> str:
    html = TAG.sub(_on_one_line, html)
    html = re.sub(rf"(?<=[^\s>])\s+(?=<(?:{WITHIN_TEXT})\b)", " ", html)
    html = re.sub(rf"(</(?:{WITHIN_TEXT})>)\s+(?=[^\s<])", r"\1 ", html)
    html = BREAK.sub("", html)
    return re.sub(r"\s+", " ", html)


def _on_one_line(tag: re.Match[str]) -> str:
    return re.sub(r"\s+", " ", tag[0]).replace(" >", ">")
