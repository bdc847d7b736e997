"""How the demo model writes outputs that are reviewed. Rules, no understanding."""

from __future__ import annotations

import json
import re
from typing import Any

from hitl_agents.demo.revision import revised
from hitl_agents.demo.tasks import sentence
from hitl_agents.llm.objects import json_object_in
from hitl_agents.prompts import reviews

COMMAND = re.compile(
    r"^(?:please\s+)?(?:write|draft|compose|make|create|prepare)\s+"
    r"(?:me\s+|us\s+)?(?:an?\s+|the\s+|some\s+)?(?:short\s+|brief\s+)?(.+)$",
    re.I | re.S,
)
KIND = re.compile(r"^(?:\w+\s+){0,2}\w+\s+(?:on|about|for|of)\s+(?=\S)", re.I)
MAX_TITLE = 80  # characters


def is_asked(system: str) -> bool:
    """Whether this is a conversation about an output for review."""
    return reviews.WRITE in system


def written(texts: list[tuple[str, str]]) -> str:
    """The output for a conversation, as (role, text); feedback in it is worked in."""
    said = [text for role, text in texts if role == "user"]
    asked = json_object_in(said[0]) or {} if said else {}
    task, kind = str(asked.get("task", "")), str(asked.get("output_type", ""))
    outputs = [text for role, text in texts if role == "assistant"]
    if outputs:
        return _again(outputs[-1], said[-1])
    output = _first(task, kind)
    for lesson in _lessons(asked.get("earlier_reviews")):
        output = _with(output, lesson)
    return output


def _first(task: str, kind: str) -> str:
    about = _about(task)
    if "json" in kind.lower():
        words = [word for word in re.findall(r"\w+", about.lower()) if len(word) > 3]
        return json.dumps({"title": about, "keywords": words[:5], "complete": True}, indent=2)
    if kind.lower() in ("code", "python"):
        name = "_".join(re.findall(r"[a-z]+", about.lower())[:4]) or "task"
        return (
            f'def {name}(text: str) -> str:\n    """{about}"""\n    return " ".join(text.split())\n'
        )
    return (
        f"# {about}\n\nThis is about {_subject(about)}. Everything that is known so far stands in "
        "this note, and nothing in it has been made up.\n\n"
        "- It was written by a program.\n- A person looks at it before it is used.\n\n"
        "If you have any question, simply answer this message.\n"
    )


def _again(output: str, said: str) -> str:
    feedback = str((json_object_in(said) or {}).get("feedback", ""))
    return _with(output, feedback)


def _with(output: str, feedback: str) -> str:
    """The output with the feedback worked in; JSON and code get a note instead."""
    if output.lstrip().startswith("{"):
        found: dict[str, Any] = json_object_in(output) or {}
        return json.dumps({**found, "note": sentence(feedback)}, indent=2, ensure_ascii=False)
    if output.startswith("def "):
        return f"# {' '.join(feedback.split())}\n{output}"
    heading, _, rest = output.partition("\n\n")
    changed: str = revised({"text": rest}, feedback)["text"]
    return f"{heading}\n\n{changed.rstrip()}\n"


def _lessons(told: object) -> list[str]:
    """The words of people who have rejected earlier outputs, as the prompt lists them."""
    reviews_told = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    rejected = [one for one in reviews_told if one.get("verdict") == "rejected"]
    return [str(one["person_said"]) for one in rejected if one.get("person_said")][-2:]


def _about(task: str) -> str:
    """What the task is about, as a title."""
    line = " ".join(task.split())
    match = COMMAND.match(line)
    about = (match[1] if match else line).strip(" .!") or "Nothing in particular"
    about = about if len(about) <= MAX_TITLE else f"{about[:MAX_TITLE].rstrip()}…"
    return about[0].upper() + about[1:]


def _subject(title: str) -> str:
    """What the text itself is about: "Note on the lamp" is about the lamp."""
    words = KIND.sub("", title)
    return words[0].lower() + words[1:] if words[1:2].islower() else words
