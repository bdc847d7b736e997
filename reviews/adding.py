"""Creation of items: stored, and then either in the sample that people look at or let through."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from ledger.clock import now
from ledger.models import Run
from ledger.requests.asking import check_name, find_asked
from ledger.transitions import move, record, verb
from reviews import contents, types
from reviews.models import ReviewItem, ReviewStatus

PREVIEW = 240  # characters
TOPIC = 500
MARKS = " \t#*>-=`{}[]()"  # a line of these alone says nothing
SAMPLE = "hitl-review-sample/v1"


@verb
def add(
    *,
    agent_id: str,
    output_type: str,
    content: Any,
    context: Any = None,
    run: Run | None = None,
    key: str = "",
    previous: ReviewItem | None = None,
) -> ReviewItem:
    """Store an output. Outside the sample of its type it is let through in the same transaction.

    A further try after a rejection (`previous`) always goes before a person. The same (run, key)
    again answers the row that is there. Raises BadInput, or IllegalMove when the run is over.
    """
    asked_before = find_asked(ReviewItem, run, key)
    if asked_before is not None:
        return asked_before
    check_name("agent_id", agent_id)
    check_name("output_type", output_type)
    kind = types.create_on_first_use(output_type)
    item = _build_item(agent_id, output_type, content, context)
    item.run, item.key, item.share = run, key, kind.share
    if previous is not None:
        item.previous, item.attempt = previous, previous.attempt + 1
    item.save(force_insert=True)
    record(
        "reviews.added",
        item.subject,
        actor=f"agent:{agent_id}",
        run_id=item.run_id,
        **facts(item),
        attempt=item.attempt,
        digest=item.digest,
        share=str(item.share),
    )
    if previous is None and not is_in_sample(item.pk, kind.share):
        _let_through(item)
    return item


def facts(item: ReviewItem) -> dict[str, Any]:
    """What every event of an item says, so that figures need no other table."""
    return {"output_type": item.output_type, "agent_id": item.agent_id, "words": item.words}


def is_in_sample(pk: int, share: Decimal) -> bool:
    """Whether the item of that id is among the `share` per cent that people look at.

    Random, and the same whenever it is asked: from the id alone, in hundredths of a per cent.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{SAMPLE}\n{pk}".encode()).digest()[:8]) / 2**64
    return drawn * 10_000 < share * 100


def _build_item(agent_id: str, output_type: str, content: Any, context: Any) -> ReviewItem:
    text = contents.encode(content)
    about = None if context is None else contents.encode(context, "context")
    words = contents.format_text(content)
    task = context.get("task") if isinstance(context, dict) else None
    return ReviewItem(
        agent_id=agent_id,
        output_type=output_type,
        content=content,
        context=context,
        digest=contents.digest(f"{agent_id}\n{output_type}\n{text}\n{about}"),
        size=len((content if isinstance(content, str) else text).encode()),
        words=len(words.split()),
        preview=_line(words, PREVIEW) if isinstance(content, str) else _cut(text, PREVIEW),
        topic=_line(task, TOPIC) if isinstance(task, str) else "",
        created_at=now(),
    )


def _line(text: str, most: int) -> str:
    """The first line that says something, without the marks of a heading."""
    first = next((line for line in text[: 4 * most].splitlines() if line.strip(MARKS)), "")
    return _cut(" ".join(first.strip().lstrip("#").split()), most)


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[:most]}…"


def _let_through(item: ReviewItem) -> None:
    move(
        item,
        ReviewStatus.LET_THROUGH,
        kind="reviews.released",
        actor="rule:sample",
        changes={"resolved_at": now()},
        by="rule",
        **facts(item),
        age=0.0,
        share=str(item.share),
    )
