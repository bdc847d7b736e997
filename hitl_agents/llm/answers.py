"""A model server's answer, taken apart once: everything that is read of it is read from here.

Nothing in an answer is trusted to be there: servers leave fields out, and models write anything.
The journal keeps what the server sent; it is taken apart anew on each replay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hitl_agents.llm import problems, reasoning
from hitl_agents.llm.calls import ToolCall, calls_in
from hitl_agents.llm.problems import Problem, shown
from hitl_agents.llm.written_calls import Tools, written_in

Completion = Mapping[str, Any]
AS_TEXT = "The model wrote a tool call as text; nothing was done."
ONLY_THOUGHT = "The model's answer is empty: there is nothing in it but its reasoning."
CUT = ("length", "max_tokens", "MAX_TOKENS")
WITHHELD = ("content_filter", "SAFETY", "safety")


@dataclass(frozen=True)
class Answer:
    """What a model said: its words without its reasoning, and the tools that it wants called.

    `message` is the server's own message as it came. `in_text` says that the calls stood in the
    text and not in their field. `problem` is what keeps the answer from being used, if anything.
    """

    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    cut_off: bool = False
    error: Problem | None = None
    in_text: bool = False
    unread_call: bool = False
    filtered: bool = False
    message: Mapping[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> Problem | None:
        if self.error is not None:
            return self.error
        if self.refusal:
            return problems.refused(f"The model refused: {shown(self.refusal)}")
        if self.filtered:
            return problems.FILTERED
        if self.cut_off:
            return problems.CUT_OFF
        if self.unread_call:
            return problems.malformed(AS_TEXT)
        return self._broken_call or self._nothing

    @property
    def usable_text(self) -> str:
        """The text of an answer that came whole and says something itself; else ""."""
        unusable = self.problem is not None and self.problem.kind != "malformed"
        return "" if unusable else self.text

    @property
    def _broken_call(self) -> Problem | None:
        broken = [call.name for call in self.calls if call.arguments is None]
        said = f"The model's arguments for {shown(broken[0])} are no JSON object." if broken else ""
        return problems.malformed(said) if broken else None

    @property
    def _nothing(self) -> Problem | None:
        if self.text.strip() or self.calls:
            return None
        return problems.malformed(
            ONLY_THOUGHT if self.reasoning else "The model's answer is empty."
        )


def read(completion: Completion, tools: Tools = ()) -> Answer:
    """Take a chat completion apart. `tools` are those that were offered with the question."""
    choice = _choice(completion)
    message = _dict(choice.get("message"))
    said, refusal, beside = _parts(message.get("content"))
    text, thought = reasoning.split(said)
    calls, reason = calls_in(message), choice.get("finish_reason")
    written = None if calls else written_in(text.strip(), tools)
    return Answer(
        text=written.said if written else text,
        reasoning="\n".join(filter(None, (*reasoning.beside(message), beside, thought))),
        calls=written.calls if written else calls,
        refusal=_text(message.get("refusal")) or refusal,
        cut_off=reason in CUT,
        error=error_in(completion),
        in_text=bool(written and written.calls),
        unread_call=bool(written and not written.calls),
        filtered=reason in WITHHELD,
        message=message,
    )


def error_in(completion: Completion) -> Problem | None:
    """The error that an answer with status 200 really is, by its code; None where it is none."""
    choice = _choice(completion)
    error = completion.get("error") or choice.get("error")
    if error:
        return problems.by_code(error, _text(completion.get("model")) or "the model")
    if choice.get("finish_reason") == "error":
        return problems.unavailable(
            f"The model server {problems.server()} broke off with an error."
        )
    if not choice and completion.get("object") == "chat.completion":
        return problems.unavailable(f"The model server {problems.server()} gave no choices.")
    return None


def _parts(content: object) -> tuple[str, str, str]:
    """What is said, what is refused and what is thought in a content: a text, or parts of one."""
    if not isinstance(content, list):
        return _words(content), "", ""
    said, refused, thought = [], [], []
    for part in content:
        kind = str(_dict(part).get("type", "text"))
        if kind == "refusal":
            refused.append(_text(_dict(part).get("refusal")))
        elif kind in ("thinking", "reasoning", "redacted_thinking"):
            thought.append(reasoning.words_in(part))
        else:
            said.append(part if isinstance(part, str) else _text(_dict(part).get("text")))
    return "".join(said), "".join(refused), "\n".join(filter(None, thought))


def _words(content: object) -> str:
    """A content that is no list, as text: some servers send a part, a number or an object."""
    if isinstance(content, dict):
        words = content.get("text", content.get("content"))
        return words if isinstance(words, str) else json.dumps(content, ensure_ascii=False)
    if isinstance(content, bool | None):
        return ""
    return content if isinstance(content, str) else json.dumps(content)


def _choice(completion: Completion) -> dict[str, Any]:
    choices = completion.get("choices")
    return _dict(choices[0]) if isinstance(choices, list) and choices else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
