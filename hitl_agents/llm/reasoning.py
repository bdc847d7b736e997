"""What a model thought aloud, split from what it says: split once, here, and read by nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# The marks of reasoning models, as they stand in the text where a server does not take them out.
# A mark in backticks is spoken of, not used.
TAG = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad)"
MARK = re.compile(
    rf"(?<!`)(?:(?P<opens><{TAG}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>)"
    rf"|(?P<closes></{TAG}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>))(?!`)",
    re.IGNORECASE,
)
SOLUTION = re.compile(
    r"<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_RESPONSE\|>", re.IGNORECASE
)
CHANNEL = re.compile(  # of the harmony form, with whom it speaks to in either of two places
    r"(?:<\|start\|>assistant(?P<to> to=[\w.-]{1,80})?)?<\|channel\|>(?P<name>[^<]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
ENDS = re.compile(r"<\|(?:end|return|call|start)\|>")
FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")


def split(text: str) -> tuple[str, str]:
    """What is said, and what was thought.

    A closing mark without an opening one ends a thought that the server's template had begun; an
    opening one without an end is a thought to the end of the text.
    """
    if CHANNEL.search(text):
        return _channels(text)
    said: list[str] = []
    thought: list[str] = []
    position, thinking = 0, False
    for mark in MARK.finditer(text):
        piece = text[position : mark.start()]
        position = mark.end()
        if mark["closes"] and not thinking:
            thought += [*said, piece]
            said = []
        else:
            (thought if thinking else said).append(piece)
        thinking = bool(mark["opens"])
    (thought if thinking else said).append(text[position:])
    if position == 0:
        return text, ""
    return SOLUTION.sub("", "".join(said)).strip(), "\n".join(filter(None, map(str.strip, thought)))


def _channels(text: str) -> tuple[str, str]:
    """The channels of the harmony form: `final` is said; what is called stays for its reader."""
    marks = list(CHANNEL.finditer(text))
    said, thought = [text[: marks[0].start()].strip()], [""]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, until in zip(marks, ends, strict=True):
        body, name = text[mark.end() : until], f"{mark['to'] or ''} {mark['name']}"
        if " to=" in name:
            said.append(f"<|channel|>{name.strip()}<|message|>{body}")
        else:
            body = ENDS.split(body, maxsplit=1)[0].strip()
            (said if mark["name"].strip() == "final" else thought).append(body)
    return "\n".join(filter(None, said)), "\n".join(filter(None, thought))


def beside(message: dict[str, Any]) -> Iterable[str]:
    """The reasoning that stands in fields of its own, under the names that servers use."""
    texts = [words_in(message.get(name)) for name in FIELDS]
    return dict.fromkeys(text for text in texts if text.strip())  # some send it under two names


def words_in(value: object) -> str:
    """The texts in a field that may be a text, a part, or a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(words_in, value)))
    if isinstance(value, dict):
        names = ("text", "summary", "thinking", "reasoning", "content")
        return next((found for name in names if (found := words_in(value.get(name)))), "")
    return ""
