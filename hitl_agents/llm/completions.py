"""Writing chat completions, as a model server does: for the demo model and for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

CREATED = 1_767_225_600  # seconds since 1970, the same in every answer that is made here
Call = tuple[str, dict[str, Any] | str]  # a tool's name; its arguments, or their text as it is


def completion(
    said: str = "",
    wanted: Sequence[Call] = (),
    *,
    key: str = "0",
    model: str = "demo",
    asked: object = "",
    refusal: str | None = None,
    finish_reason: str | None = None,
) -> dict[str, Any]:
    """The JSON of an answer that says something and wants tools called; ids come from `key`."""
    message: dict[str, Any] = {"role": "assistant", "content": said or None, "refusal": refusal}
    if wanted:
        message["tool_calls"] = [_call(key, *numbered) for numbered in enumerate(wanted)]
    reason = finish_reason or ("tool_calls" if wanted else "stop")
    before, after = (len(json.dumps(part)) // 4 + 1 for part in (asked, message))
    return {
        "id": f"chatcmpl-{key[:24]}",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": before,
            "completion_tokens": after,
            "total_tokens": before + after,
        },
    }


def _call(key: str, number: int, wanted: Call) -> dict[str, Any]:
    name, arguments = wanted
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": f"call_{key[:20]}_{number}",
        "type": "function",
        "function": {"name": name, "arguments": text},
    }
