"""What people said about an agent's earlier outputs of a type, for its later prompts."""

from __future__ import annotations

import re
from typing import Any

from ledger import canonical
from reviews.contents import format_text
from reviews.models import ReviewItem, ReviewStatus

NEWEST = 200  # items that are looked at
MOST = 8  # lessons in one prompt
SIZE = 6_000  # characters of all of them together
WORDS = 500  # characters of one person's words
TEXT = 600  # characters of an output, or of what a person put in its place
WORD = re.compile(r"\w{3,}")
VERBS = {
    ReviewStatus.REJECTED: "rejected",
    ReviewStatus.CORRECTED: "corrected",
    ReviewStatus.APPROVED: "approved",
}


def lessons_for(agent_id: str, output_type: str, task: str) -> dict[str, Any]:
    """`{"of": table, "requests": [ids], "lessons": [sentences], "told": [objects]}`.

    The most telling last; as sentences for the run's page, as objects for the prompt.
    Of the newest reviews with words or a correction those whose task is most like this one; of
    equally alike ones the newer. As many as fit the size; none is cut in the middle of a rule.
    """
    chosen: list[tuple[ReviewItem, str]] = []
    room = SIZE
    for pk in _ranked(agent_id, output_type, task)[:MOST]:
        item = ReviewItem.objects.get(pk=pk)
        sentence = _sentence(item)
        if len(sentence) > room:
            break
        room -= len(sentence)
        chosen.insert(0, (item, sentence))
    return {
        "of": ReviewItem._meta.label_lower,
        "requests": [item.pk for item, _ in chosen],
        "lessons": [sentence for _, sentence in chosen],
        "told": [_told(item) for item, _ in chosen],
    }


def _ranked(agent_id: str, output_type: str, task: str) -> list[int]:
    """The items that teach something, by how new they are and how alike their tasks."""
    rows = ReviewItem.objects.filter(agent_id=agent_id, output_type=output_type, reviewed=True)
    telling = rows.exclude(status=ReviewStatus.APPROVED, feedback="")
    newest = list(telling.order_by("-id").values_list("pk", "topic")[:NEWEST])
    wanted = _words(task)
    scored = [
        (alike(wanted, _words(topic)) + (1 - place / len(newest)) / 2, pk)
        for place, (pk, topic) in enumerate(newest)
    ]
    return [pk for _, pk in sorted(scored, reverse=True)]


def alike(one: set[str], other: set[str]) -> float:
    """How much two tasks have in common, 0 to 1: shared words of all their words."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def _sentence(item: ReviewItem) -> str:
    verb = VERBS[ReviewStatus(item.status)]
    about = f" for the task {_short(item.topic, WORDS)!r}" if item.topic else ""
    said = f": {_short(item.feedback, WORDS)}" if item.feedback else ""
    if item.status != ReviewStatus.CORRECTED:
        return f"A person {verb} your output{about}{said or ': (no words)'}"
    before, after = (_short(format_text(text), TEXT) for text in (item.content, item.correction))
    return f"A person {verb} your output{about}{said}. Yours: {before} Corrected: {after}"


def _told(item: ReviewItem) -> dict[str, Any]:
    """By field, so that a person's words are told from the output that they spoke of."""
    told = {
        "verdict": VERBS[ReviewStatus(item.status)],
        "for_task": _short(item.topic, WORDS),
        "person_said": _short(item.feedback, WORDS),
    }
    if item.status == ReviewStatus.CORRECTED:
        told["your_output"] = _short(format_text(item.content), TEXT)
        told["corrected_to"] = _short(format_text(item.correction), TEXT)
    return told


def _short(text: str, most: int) -> str:
    line = canonical.storable(text)
    return line if len(line) <= most else f"{line[:most]}…"
