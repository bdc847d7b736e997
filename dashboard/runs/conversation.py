"""Conversations with a model, read from the journal for people.

Nothing in it is trusted to be there or to have its type: servers leave fields out, and an agent's
author may send anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.models import JournalEntry

ENDS = {
    "length": "The answer was cut off at the model's length limit.",
    "content_filter": "The model server's content filter withheld the answer.",
}


@dataclass(frozen=True)
class Said:
    """One message: who spoke, the words, and the tools that were called as (name, arguments)."""

    role: str
    text: str
    calls: list[tuple[str, str]]


@dataclass(frozen=True)
class ModelCall:
    """A model call. `sent` leaves out the first `repeated` messages: `repeated_from` has them."""

    model: str
    sent: list[Said]
    repeated: int
    repeated_from: str
    tools: list[str]
    answer: Said | None
    tokens: str
    problem: str


def read_calls(entries: Sequence[JournalEntry]) -> dict[int, ModelCall]:
    """The model calls among journal entries, by the entry's id.

    A conversation is sent whole each time, longer by a little; only what is new is kept, so that
    a page grows with the run and not with its square.
    """
    found: dict[int, ModelCall] = {}
    before: list[tuple[str, list[Any]]] = []
    for entry in entries:
        if entry.kind != JournalEntry.Kind.MODEL:
            continue
        asked = _object(_parse(entry.input))
        messages = _list(asked.get("messages"))
        repeated, source = max(
            ((_count_shared(messages, known), key) for key, known in before), default=(0, "")
        )
        found[entry.pk] = _call(entry, asked, messages, repeated, source)
        before.append((entry.key, messages))
    return found


def _call(
    entry: JournalEntry, asked: dict[str, Any], messages: list[Any], repeated: int, source: str
) -> ModelCall:
    completion = _object(entry.result)
    choice = _object((_list(completion.get("choices")) or [None])[0])
    answer = _object(choice.get("message"))
    return ModelCall(
        model=str(completion.get("model") or asked.get("model") or ""),
        sent=[_read_message(message) for message in messages[repeated:]],
        repeated=repeated,
        repeated_from=source if repeated else "",
        tools=[str(_object(_object(tool).get("function")).get("name")) for tool in _tools(asked)],
        answer=_read_message(answer) if answer else None,
        tokens=_tokens(_object(completion.get("usage"))),
        problem=_problem(choice, answer),
    )


def _tools(asked: dict[str, Any]) -> list[Any]:
    return _list(asked.get("tools"))


def _problem(choice: dict[str, Any], answer: dict[str, Any]) -> str:
    if isinstance(answer.get("refusal"), str) and answer["refusal"]:
        return f"The model refused: {answer['refusal']}"
    return ENDS.get(str(choice.get("finish_reason")), "")


def _read_message(message: Any) -> Said:
    message = _object(message)
    calls = []
    for call in _list(message.get("tool_calls")):
        function = _object(_object(call).get("function"))
        calls.append((str(function.get("name") or ""), _indent(function.get("arguments"))))
    return Said(str(message.get("role") or "assistant"), _text(message.get("content")), calls)


def _text(content: Any) -> str:
    """A message's words: text, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    parts = [_object(part).get("text") for part in _list(content)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _indent(arguments: Any) -> str:
    """A tool call's arguments for reading; as they are where they are no JSON."""
    value = _parse(arguments) if isinstance(arguments, str) else arguments
    if value is None:
        return str(arguments or "")
    return json.dumps(value, ensure_ascii=False, indent=2)


def _tokens(usage: dict[str, Any]) -> str:
    given, made = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(given, int) or not isinstance(made, int):
        return ""
    return f"{given:,} tokens in, {made:,} out"


def _count_shared(messages: list[Any], known: list[Any]) -> int:
    """How many messages two conversations begin with alike."""
    count = 0
    for ours, theirs in zip(messages, known, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
