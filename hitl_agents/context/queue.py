"""The review queue inside a run: what is put there, and the waiting for it, go through the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitl_agents.journal.journal import Journal
from ledger.models import Run
from reviews import contents, services
from reviews.models import ReviewItem


@dataclass(frozen=True)
class ReviewQuestion:
    """May this be used?"""

    agent_id: str
    output_type: str
    content: Any
    context: Any = None
    previous: int | None = None

    @property
    def name(self) -> str:
        return self.output_type

    @property
    def about(self) -> Any:
        """By digest: an output may be large, and its bytes stand in the item."""
        content = contents.digest(contents.encode(self.content))
        context = contents.digest(contents.encode(self.context, "context"))
        made = {"agent": self.agent_id, "content": content, "context": context}
        return {**made, "after": self.previous}

    def store(self, run: Run, key: str) -> ReviewItem:
        """Put it into the queue, as its type is set now."""
        previous = None if self.previous is None else services.find_by_id(self.previous)
        return services.add(
            agent_id=self.agent_id,
            output_type=self.output_type,
            content=self.content,
            context=self.context,
            run=run,
            key=key,
            previous=previous,
        )


class BoundQueue:
    """The queue inside a run: it adds and waits through the journal. It cannot decide."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def add(
        self,
        agent_id: str,
        output_type: str,
        content: Any,
        context: Any = None,
        *,
        previous: int | None = None,
        key: str | None = None,
    ) -> int:
        """Put an output into the queue, once in the life of the run; its id.

        `previous` is the rejected item that this is a further try of. Raises BadInput as
        ReviewQueue.add does.
        """
        question = ReviewQuestion(agent_id, output_type, content, context, previous)
        item, _ = await self.journal.ask(question, key)
        return int(item.pk)

    async def wait(self, item_id: Any, timeout: float | None = None) -> ReviewItem | None:
        """The item once it is decided; None after `timeout` seconds, and the item stays pending.

        The wait costs nothing and survives every restart. A review that is committed before the
        end of the wait is journaled wins; a replay goes the same way.
        """
        if timeout is None:
            decided: ReviewItem = await self.journal.wait(ReviewItem, item_id)
            return decided
        found: ReviewItem | None = await self.journal.wait_or_leave(ReviewItem, item_id, timeout)
        return found
