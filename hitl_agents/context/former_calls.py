"""Runs that began under earlier prompts: their journaled answers are found, whatever we ask today.

The journal knows a model call by the digest of what was asked. When our own wording changes, a run
that waits would ask its model everything anew, and might want other actions than those that people
have decided about. So a call that the journal does not have is looked for under the words of before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hitl_agents.prompts import escalations, plans, reviews, shared

Asked = Mapping[str, Any]
OPENING = 40  # characters by which each of our prompts is known; they have stayed as they were
CURRENT = (
    shared.CHOOSE,
    shared.RISK,
    shared.REVISE,
    f"{escalations.SURE}\n{escalations.STRUCTURED}",
    f"{escalations.SURE}\n{escalations.PLAIN}",
    reviews.WRITE,
    f"{plans.PROPOSE}\n{plans.FIELDS}",
    f"{plans.REVISE}\n{plans.FIELDS}",
    plans.CARRY_OUT,
)
OURS = frozenset(text[:OPENING] for text in CURRENT)
SAME = ("action", "arguments", "feedback", "goal", "step", "human_input", "output_type")


class FormerCalls:
    """What a run's journal has of calls under earlier prompts; each answers one call of today."""

    def __init__(self, inputs: Iterable[str]) -> None:
        journaled = (json.loads(text) for text in inputs if _may_be_ours(text))
        self._left = [asked for asked in journaled if _is_former(asked)]

    def take(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What was asked then in the place of this; `asked` itself where nothing was."""
        if not self._left or _read_opening(asked) not in OURS:
            return asked
        former = next((one for one in self._left if _is_same(one, asked)), None)
        if former is None:
            return asked
        self._left.remove(former)
        return former


def _may_be_ours(text: str) -> bool:
    return any(opening in text for opening in OURS)


def _is_former(asked: Asked) -> bool:
    return _read_opening(asked) in OURS and _system(asked) not in CURRENT


def _is_same(former: Asked, asked: Asked) -> bool:
    """The same question in other words: of one kind, as far into its conversation, about the same.

    Of several the oldest is taken: those that are alike are asked one after the other.
    """
    return (
        _read_opening(former) == _read_opening(asked)
        and _shape(former) == _shape(asked)
        and _agree(_about(former), _about(asked))
    )


def _shape(asked: Asked) -> tuple[Any, ...]:
    return "response_format" in asked, *(message.get("role") for message in asked["messages"])


def _agree(former: Asked, now: Asked) -> bool:
    return all(former[name] == now[name] for name in SAME if name in former and name in now)


def _about(asked: Asked) -> dict[str, Any]:
    try:
        found = json.loads(asked["messages"][1]["content"])
    except (ValueError, TypeError, IndexError, KeyError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_opening(asked: Asked) -> str:
    return _system(asked)[:OPENING]


def _system(asked: Asked) -> str:
    messages = asked.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    said = first.get("content") if isinstance(first, dict) and first.get("role") == "system" else ""
    return said if isinstance(said, str) else ""
