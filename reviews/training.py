"""Training examples from people's decisions: conversations, and pairs of better and worse.

Each example is one JSON object in the formats of the OpenAI fine-tuning API. Only what a person
has looked at counts; what was let through without a review teaches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reviews.contents import format_text
from reviews.models import ReviewItem, ReviewItemQuerySet, ReviewStatus

CHUNK = 50  # items in memory at a time; one may be large
TRIES = 50  # of one output, backwards
GOOD = (ReviewStatus.APPROVED, ReviewStatus.CORRECTED)


@dataclass(frozen=True)
class Wanted:
    """Whose feedback: by agent, type of output, and when it was decided (`until` excluded)."""

    agent: str = ""
    output_type: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def rows(self) -> ReviewItemQuerySet:
        """Approved and corrected items, oldest first."""
        rows = ReviewItem.objects.filter(status__in=GOOD)
        if self.agent:
            rows = rows.filter(agent_id=self.agent)
        if self.output_type:
            rows = rows.filter(output_type=self.output_type)
        if self.since:
            rows = rows.filter(resolved_at__gte=self.since)
        if self.until:
            rows = rows.filter(resolved_at__lt=self.until)
        return rows.order_by("id")


def chats(item: ReviewItem) -> Iterator[dict[str, Any]]:
    """The task and what may be used, as a conversation; nothing where no task is known."""
    task = task_of(item)
    if task is not None:
        yield {"messages": [_user(task), _assistant(item.usable)]}


def pairs(item: ReviewItem) -> Iterator[dict[str, Any]]:
    """What may be used against each text that a person did not let through for the same task.

    That is the original of a correction, and every rejected try before it.
    """
    task = task_of(item)
    if task is None:
        return
    worse = [item.content] if item.status == ReviewStatus.CORRECTED else []
    worse += [rejected.content for rejected in _find_rejected(item)]
    for text in worse:
        yield {
            "input": {"messages": [_user(task)], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [_assistant(item.usable)],
            "non_preferred_output": [_assistant(text)],
        }


def teaches_nothing(example: dict[str, Any]) -> bool:
    """Whether it is a pair of equal texts: it would prefer a text to itself."""
    better = example.get("preferred_output")
    return better is not None and better == example["non_preferred_output"]


def task_of(item: ReviewItem) -> str | None:
    """The task in the item's context, if there is one."""
    task = item.context.get("task") if isinstance(item.context, dict) else None
    return task if isinstance(task, str) and task.strip() else None


def _find_rejected(item: ReviewItem) -> Iterator[ReviewItem]:
    """The tries before, latest first."""
    for _ in range(TRIES):
        if item.previous_id is None:
            return
        item = ReviewItem.objects.get(pk=item.previous_id)
        if item.status == ReviewStatus.REJECTED:
            yield item


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _assistant(content: Any) -> dict[str, str]:
    return {"role": "assistant", "content": format_text(content)}
