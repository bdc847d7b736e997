"""What an agent whose outputs are reviewed says to the model; see hitl_agents.prompts.shared."""

from __future__ import annotations

import json
from typing import Any

from hitl_agents.prompts.shared import Messages

WRITE = """\
You make one output for the task below, given as JSON with the type of output that is wanted. A \
person reviews it before it is used, and may reject it, correct it or say what should be different.
Answer with the output alone: no greeting to the reviewer, nothing about the task, no code fence \
around the whole. Take names, numbers and facts from the task; never make them up. Write complete \
texts without placeholders. For a type that is code or JSON answer with nothing but that."""

LESSONS = (
    "What people said about your earlier outputs of this type, most telling last, as JSON. Heed it:"
)

AGAIN = """\
A person has rejected that output. Their feedback stands here as JSON. Make the whole output anew: \
do what the feedback asks, keep what it does not touch. Answer with the output alone."""


def write(task: str, output_type: str, lessons: list[str]) -> Messages:
    """Ask for an output; `lessons` are what people said about earlier ones."""
    system = f"{WRITE}\n\n{LESSONS}\n{_json(lessons)}" if lessons else WRITE
    wanted = {"task": task, "output_type": output_type}
    return [{"role": "system", "content": system}, {"role": "user", "content": _json(wanted)}]


def write_again(messages: Messages, output: str, feedback: str) -> Messages:
    """The same conversation once more, after a person has rejected what came out of it."""
    asked = f"{AGAIN}\n{_json({'feedback': feedback})}"
    return [
        *messages,
        {"role": "assistant", "content": output},
        {"role": "user", "content": asked},
    ]


def _json(value: Any) -> str:
    # In one order: PostgreSQL keeps none, and a replay would ask the model something else.
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
