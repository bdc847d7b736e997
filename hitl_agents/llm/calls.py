"""The tools that a model wants called, where its server says so in the field for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hitl_agents.llm.objects import decoded


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
            value = decoded(self.arguments_text)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


def calls_in(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    """The calls in a server's message, in its order. Those without a name are left out."""
    listed = message.get("tool_calls")
    told = listed if isinstance(listed, list) else []
    if not told and isinstance(message.get("function_call"), dict):  # its name before tools
        told = [{"function": message["function_call"]}]
    numbered = (_call(number, one) for number, one in enumerate(told))
    return tuple(one for one in numbered if one is not None)


def _call(number: int, told: object) -> ToolCall | None:
    function = told.get("function") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(function, dict):
        return None
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str):
        return None
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(str(told.get("id") or f"call_{number}"), name, text)
