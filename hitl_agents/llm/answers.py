"""Reading what a model server answered, as the plain dict of a chat completion.

Nothing in an answer is trusted to be there: servers leave fields out, and models write anything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ledger.canonical import canonical
from ledger.errors import BadInput
from ledger.risk import RiskLevel

Completion = Mapping[str, Any]
SHOWN = 300  # characters of a model's or server's words in a message for people
BEGINS_OBJECT = re.compile(r'\{\s*["}]')


@dataclass(frozen=True)
class Problem:
    """Why there is no usable answer. `message` is a sentence for people, without secrets.

    `kind` is "unavailable" (ask again later), "rejected" (the server will never take this),
    "refused" (the model will not), "cut_off", or "malformed" (asking once more may help).
    `retry` says whether the same call may go through later by itself.
    """

    kind: str
    retry: bool
    message: str


@dataclass(frozen=True)
class ToolCall:
    """One tool that the model wants called."""

    id: str
    name: str
    arguments_text: str

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The arguments, or None if they are no JSON object, or one that reads in two ways."""
        try:
            value = _decoder.decode(self.arguments_text)
            canonical(value)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def text_of(completion: Completion) -> str:
    """The words of the answer; "" if there are none."""
    content = _message(completion).get("content")
    return content if isinstance(content, str) else ""


def tool_calls_of(completion: Completion) -> list[ToolCall]:
    """The calls that the model asks for, in its order. Those without a name are left out."""
    found = []
    for number, call in enumerate(_list(_message(completion).get("tool_calls"))):
        function = _dict(_dict(call).get("function"))
        if isinstance(function.get("name"), str):
            identity = _dict(call).get("id") or f"call_{number}"
            arguments = function.get("arguments")
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            found.append(ToolCall(str(identity), function["name"], text))
    return found


def problem_of(completion: Completion) -> Problem | None:
    """What keeps a completion from being used, or None."""
    message = _message(completion)
    reason = _choice(completion).get("finish_reason")
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        return Problem("refused", False, f"The model refused: {shown(message['refusal'])}")
    if reason == "content_filter":
        return Problem("refused", False, "The model server's content filter withheld the answer.")
    if reason == "length":
        return Problem("cut_off", False, "The answer was cut off at the model's length limit.")
    broken = [call.name for call in tool_calls_of(completion) if call.arguments is None]
    if broken:
        return _malformed(f"The model's arguments for {shown(broken[0])} are no JSON object.")
    if not text_of(completion).strip() and not tool_calls_of(completion):
        return _malformed("The model's answer is empty.")
    return None


def one_word_risk(text: str) -> RiskLevel:
    """The level that the answer names; anything but exactly one of the four words is medium."""
    word = text.strip().lower()
    return RiskLevel(word) if word in RiskLevel.values else RiskLevel.MEDIUM


def json_object_in(text: str) -> dict[str, Any] | None:
    """The one JSON object in a text that may have prose or a code fence around it.

    None if there is none, if there are different ones, or if it can be read in two ways
    (duplicate keys, NaN, numbers that would change): guessing would run what nobody wrote.
    """
    found: list[dict[str, Any]] = []
    position = 0
    while match := BEGINS_OBJECT.search(text, position):
        try:
            value, position = _decoder.raw_decode(text, match.start())
            canonical(value)
        except (ValueError, RecursionError):
            return None
        if value not in found:
            found.append(value)
    return found[0] if len(found) == 1 else None


def shown(text: str) -> str:
    """Somebody else's words on one line, cut to a length that fits a message."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _malformed(message: str) -> Problem:
    return Problem("malformed", False, message)


def _choice(completion: Completion) -> dict[str, Any]:
    choices = _list(completion.get("choices"))
    return _dict(choices[0]) if choices else {}


def _message(completion: Completion) -> dict[str, Any]:
    return _dict(_choice(completion).get("message"))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise BadInput("arguments", "a key stands twice.")
    return dict(pairs)


def _refuse(name: str) -> NoReturn:
    raise BadInput("arguments", f"{name} is not JSON.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(text)
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
