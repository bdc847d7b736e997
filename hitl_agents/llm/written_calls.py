"""Tool calls that stand in a model's text, where its server did not take them out of it.

Each family of models has a form of its own. What is read here passes a gate like any other call;
so a call is read when it is unmistakable: a tool that was offered, one complete JSON object of
arguments, the calls at the end of the text. Anything else that begins like one is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hitl_agents.llm.calls import ToolCall
from hitl_agents.llm.objects import decoded, object_at
from hitl_agents.llm.python_calls import python_calls

Tools = Sequence[Mapping[str, Any]]
Call = tuple[str, dict[str, Any]]

# Where a call begins beyond doubt. In backticks a mark is spoken of, not used.
MARK = re.compile(
    r"(?<!`)(?:<tool_calls?>|<function=|<function_calls?>|<invoke name=|\[TOOL_CALLS\]|<\|tool_call\|>"
    r"|<\|tool_calls_section_begin\|>|<\|tool_call_begin\|>|<｜tool▁calls?▁begin｜>|<\|python_tag\|>"
    r"|<\|action_start\|>|<\|channel\|>[^<\n]{0,60}to=|```tool_(?:call|code)s?\b)"
)
# What looks like one where nothing else says so.
OBJECT_CALL = re.compile(
    r'[\[\s]*+\{\s*+"(?:name|function|tool|tool_name)"\s*+:\s*+(?:\{\s*+"name"\s*+:\s*+)?'
    r'"(?P<name>[\w-]{1,64})"'
)
TYPED_CALL = re.compile(r'[\[\s]*+\{\s*+"type"\s*+:\s*+"function"')
PYTHON_CALL = re.compile(
    r"[\[\s]*+(?:print\(\s*+)?(?:\w{1,40}\.)?(?P<name>[\w-]{1,64})(?:\.call)?\("
)
FENCE = re.compile(r"```(?:json|python)?[^\S\n]*+\n")
BETWEEN = re.compile(  # what may stand around and between calls
    r"(?:\s|\[/?TOOL_CALLS\]|[\[\],;]|```(?:json|python|tool_calls?|tool_code)?|</?tool_calls?>|</?function_calls?>"
    r"|<\|/?tool_calls?\|>|<\|tool_calls?(?:_section)?_(?:begin|end)\|>"
    r"|<｜tool▁calls?▁(?:begin|end)｜>|<｜end▁of▁sentence｜>|<\|(?:action_start|action_end|plugin)\|>"
    r"|<\|(?:call|end|im_end|eot_id|eom_id|python_tag)\|>|</s>)*+"
)
NAMED = re.compile(  # a name, then its arguments as JSON
    r"(?:function<｜tool▁sep｜>|functions\.|<\|channel\|>[^<\n]{0,60}?to=(?:functions\.)?)?"
    r"(?P<name>[\w-]{1,64})(?::\d{1,4})?[^<{\n]{0,40}?"
    r"(?:\[ARGS\]|<｜tool▁sep｜>|<\|tool_call_argument_begin\|>|<\|message\|>)?+"
    r"\s*+(?:```(?:json)?\s*+)?(?=\{)"
)
TAGGED = re.compile(
    r"<function=(?P<name>[\w-]{1,64})>\s*+|<invoke name=\"(?P<invoked>[\w-]{1,64})\">\s*+"
)
ENDS_TAGGED = re.compile(r"\s*+</(?:function|invoke)>")
PARAMETER = re.compile(r"<parameter(?:=| name=\")(?P<name>[\w.-]{1,100})\"?>")
ENDS_PARAMETER = "</parameter>"
KEYED = re.compile(r"(?P<name>[\w-]{1,64})\s*+(?=<arg_key>)")
KEY = re.compile(r"\s*+<arg_key>([^<]{1,100})</arg_key>\s*+<arg_value>")
ENDS_KEY = "</arg_value>"
SPACES = re.compile(r"\s*+")
ARGUMENTS = ("arguments", "parameters", "args", "input")


@dataclass(frozen=True)
class Written:
    """What stands in a text besides calls, and the calls; none where they could not be read."""

    said: str
    calls: tuple[ToolCall, ...]


def written_in(text: str, tools: Tools) -> Written | None:
    """The calls of offered tools that a text ends with; None where nothing begins like a call."""
    offered = dict(_offered(tools))
    if not offered:
        return None
    start = next(_starts(text, offered), None)
    if start is None:
        return None
    calls = _calls(text[start:], offered)
    return Written(text[:start].strip() if calls else text, tuple(_numbered(calls)))


def _starts(text: str, offered: Mapping[str, Any]) -> Iterator[int]:
    """Where calls begin: at a mark; or at the beginning or in a fence, by what they look like."""
    mark = MARK.search(text)
    if mark:
        yield mark.start()
        return
    fence = FENCE.search(text)
    for start, inside in ((0, 0), (fence.start(), fence.end()) if fence else (0, 0)):
        if _looks_like_a_call(text, inside, offered):
            yield start


def _looks_like_a_call(text: str, position: int, offered: Mapping[str, Any]) -> bool:
    forms = (OBJECT_CALL.match(text, position), PYTHON_CALL.match(text, position))
    named = any(form and form["name"] in offered for form in forms)
    return named or bool(TYPED_CALL.match(text, position))


def _offered(tools: Tools) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tool in tools:
        function = tool.get("function")
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            yield function["name"], function


def _numbered(calls: list[Call]) -> Iterator[ToolCall]:
    for number, (name, arguments) in enumerate(calls):
        yield ToolCall(f"call_{number}", name, json.dumps(arguments, ensure_ascii=False))


def _calls(text: str, offered: Mapping[str, Any]) -> list[Call]:
    """The calls that a text consists of, to its very end; none where anything else stands in it."""
    calls: list[Call] = []
    position = _after(BETWEEN, text, 0)
    while position < len(text):
        step = _one(text, position, offered)
        if step is None:
            return python_calls(text, offered) if not calls else []
        call, end = step
        if call[0] not in offered:
            return []
        calls.append(call)
        position = _after(BETWEEN, text, end)
    return calls


def _one(text: str, position: int, offered: Mapping[str, Any]) -> tuple[Call, int] | None:
    """The call that begins there, in whichever form, and where it ends."""
    if text[position] == "{":
        return _as_object(text, position)
    if tagged := TAGGED.match(text, position):
        name = tagged["name"] or tagged["invoked"]
        return _tagged(text, tagged.end(), name, offered)
    if keyed := KEYED.match(text, position):
        return _keyed(text, keyed.end(), keyed["name"], offered)
    named = NAMED.match(text, position)
    placed = object_at(text, named.end()) if named else None
    return ((named["name"], placed.value), placed.end) if named and placed else None


def _as_object(text: str, position: int) -> tuple[Call, int] | None:
    placed = object_at(text, position)
    if placed is None:
        return None
    value = placed.value
    about = value["function"] if isinstance(value.get("function"), dict) else value
    names = (about.get(key) for key in ("name", "tool", "tool_name", "function"))
    name = next((one for one in names if isinstance(one, str)), None)
    given = [about[key] for key in ARGUMENTS if key in about]
    if not isinstance(name, str) or len(given) != 1:
        return None
    arguments = _from_text(given[0])
    return ((name, arguments), placed.end) if isinstance(arguments, dict) else None


def _from_text(arguments: Any) -> Any:
    """Arguments that stand as text in the JSON, as they do in the protocol's own form."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return decoded(arguments)
    except ValueError:
        return None


def _tagged(
    text: str, position: int, name: str, offered: Mapping[str, Any]
) -> tuple[Call, int] | None:
    """`<function=name>`: one JSON object, or a tag for each argument."""
    if text.startswith("{", position):
        placed = object_at(text, position)
        if placed is None:
            return None
        return (name, placed.value), _after(ENDS_TAGGED, text, placed.end)
    arguments: dict[str, Any] = {}
    while parameter := PARAMETER.match(text, position):
        end = text.find(ENDS_PARAMETER, parameter.end())
        if end < 0 or parameter["name"] in arguments:
            return None
        value = _without_ends(text[parameter.end() : end])
        arguments[parameter["name"]] = _typed(value, offered.get(name), parameter["name"])
        position = _after(SPACES, text, end + len(ENDS_PARAMETER))
    ends = ENDS_TAGGED.match(text, position)
    return ((name, arguments), ends.end()) if ends else None


def _keyed(
    text: str, position: int, name: str, offered: Mapping[str, Any]
) -> tuple[Call, int] | None:
    """A name, then `<arg_key>` and `<arg_value>` for each argument."""
    arguments: dict[str, Any] = {}
    while key := KEY.match(text, position):
        end = text.find(ENDS_KEY, key.end())
        if end < 0 or key[1] in arguments:
            return None
        arguments[key[1]] = _typed(text[key.end() : end], offered.get(name), key[1])
        position = end + len(ENDS_KEY)
    return (name, arguments), position


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _without_ends(value: str) -> str:
    """Without the one line end at either side, which belongs to the form."""
    return value.removeprefix("\n").removesuffix("\n")


def _typed(value: str, function: Mapping[str, Any] | None, name: str) -> Any:
    """A value that stands as text, as what the tool declares: only texts are texts."""
    parameters = (function or {}).get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    declared = properties.get(name) if isinstance(properties, Mapping) else None
    if not isinstance(declared, Mapping) or declared.get("type") == "string":
        return value
    try:
        return decoded(value)
    except ValueError:
        return value
