"""The agent class of the review queue: make an output, have it reviewed; and the built-in agent."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from hitl_agents.context.queue import BoundQueue
from hitl_agents.context.run_context import RunContext
from hitl_agents.context.surroundings import today
from hitl_agents.llm import chat
from hitl_agents.patterns.lessons import told_in
from hitl_agents.patterns.review_lessons import lessons_for
from hitl_agents.prompts import reviews, shared
from hitl_agents.prompts.shared import Messages
from ledger import canonical
from ledger.errors import BadInput, quoted
from ledger.requests.deadlines import LONGEST
from ledger.tail import wait_until
from reviews import services, types
from reviews.contents import format_text
from reviews.models import ReviewItem, ReviewStatus
from reviews.queue import ReviewQueue

DAY = 24 * 60 * 60.0  # seconds that the built-in agent waits for each review
Queue = ReviewQueue | BoundQueue


class ReviewedAgent:
    """Makes outputs that a person reviews before they are used.

    `llm_client` is any object with `await chat.completions.create(model=…, messages=…)` of the
    openai package. With the queue of a run (`context.queue()`) every step goes through the
    journal; with a ReviewQueue the class works in any program that has Django set up.
    """

    def __init__(self, agent_id: str, llm_client: Any, review_queue: Queue) -> None:
        self.agent_id = agent_id
        self.llm_client = llm_client
        self.review_queue = review_queue

    async def generate_for_review(self, task: str, output_type: str = "general") -> int:
        """Make an output and put it into the queue; its id. Nobody waits."""
        return await self.try_once(task, output_type)

    async def generate_and_wait(
        self, task: str, output_type: str = "general", timeout: float | None = 300.0
    ) -> dict[str, Any]:
        """Make an output and wait for the review.

        {"status": "reviewed", "approved", "content", "feedback"}: `content` is what may be used,
        the correction if there is one, None after a rejection; `original` stands beside where
        that is something else. {"status": "timeout", "review_id"} after `timeout` seconds: the
        item stays pending. {"status": "released", …} for what is not in the reviewed share.
        """
        item_id = await self.generate_for_review(task, output_type)
        item = await self.wait(item_id, timeout)
        return {"status": "timeout", "review_id": item_id} if item is None else answer(item)

    async def try_once(
        self, task: str, output_type: str = "general", rejected: ReviewItem | None = None
    ) -> int:
        """generate_for_review(); after a rejection the next try, linked to it and told why."""
        read = await self._lessons(task, output_type, rejected)
        around = read.get("surroundings", shared.NOTHING)
        messages = reviews.write(task, output_type, told_in(read), around)
        if rejected is not None:
            said = format_text(rejected.content)
            messages = reviews.write_again(messages, said, rejected.feedback)
        output = await self._complete(messages)
        return await self._add(output_type, output, {"task": task}, rejected)

    async def wait(self, item_id: int, timeout: float | None) -> ReviewItem | None:
        """The item once it is decided, or None after `timeout` seconds (None: as long as it takes)."""
        queue = self.review_queue
        if isinstance(queue, BoundQueue):
            return await queue.wait(item_id, timeout)
        item = await sync_to_async(services.find_by_id)(item_id)
        return await wait_until(
            lambda: queue.get_review_result(item.pk), subject=item.subject, timeout=timeout
        )

    # ---- Its parts --------------------------------------------------------------------------

    async def _add(
        self, output_type: str, output: str, context: Any, rejected: ReviewItem | None
    ) -> int:
        queue = self.review_queue
        if isinstance(queue, BoundQueue):
            after = None if rejected is None else rejected.pk
            return await queue.add(self.agent_id, output_type, output, context, previous=after)
        if rejected is None:
            return await sync_to_async(queue.add)(self.agent_id, output_type, output, context)
        item = await sync_to_async(services.add)(
            agent_id=self.agent_id,
            output_type=output_type,
            content=output,
            context=context,
            previous=rejected,
        )
        return int(item.pk)

    async def _lessons(
        self, task: str, output_type: str, rejected: ReviewItem | None
    ) -> dict[str, Any]:
        """What people said before: read once in a run, and shown on its page."""
        queue, agent_id = self.review_queue, self.agent_id

        def read() -> dict[str, Any]:
            found = lessons_for(agent_id, output_type, task)
            return {**found, "surroundings": today()}

        if isinstance(queue, BoundQueue):
            # By the task and the try, not by call order: of two made side by side each has its own.
            about = canonical.digest(
                canonical.envelope_text(
                    {"agent": self.agent_id, "type": output_type, "task": task}
                ),
                "hitl-lessons/v1",
            )[:16]
            key = f"lessons/{about}/{0 if rejected is None else rejected.pk}"
            found = await queue.journal.read("lessons", read, key)
        else:
            found = await sync_to_async(read)()
        known: dict[str, Any] = found
        return known

    async def _complete(self, messages: Messages) -> str:
        """The model's output. An empty one is asked for once more, then it is an error."""
        for attempt in (1, 2):
            said = await chat.say(self.llm_client, messages)
            problem = said.problem
            if problem is None:
                return str(canonical.storable(said.text))
            if problem.kind != "malformed" or attempt == 2:
                raise chat.ModelError(problem)
            messages = shared.nudge(messages, problem.message, "with the output alone")
        raise AssertionError("unreachable")


def answer(item: ReviewItem) -> dict[str, Any]:
    """What generate_and_wait answers about an item that is decided."""
    if item.status in (ReviewStatus.LET_THROUGH, ReviewStatus.CANCELLED):
        status = str(item.status)
    else:
        status = "reviewed"
    found = {
        "status": status,
        "approved": item.approved,
        "content": item.usable,
        "feedback": item.feedback,
    }
    if item.status in (ReviewStatus.CORRECTED, ReviewStatus.REJECTED):
        found["original"] = item.content
    return found


# ---- The built-in agent ---------------------------------------------------------------------


async def reviewed(task: str, context: RunContext) -> dict[str, Any]:
    """Write something that a person reviews; after a rejection it tries again, told why.

    Input: {"output_type": "general", "timeout": seconds that each review is waited for}. Returns
    what generate_and_wait returns of the last try, with `decision` and all `tries`. How often it
    may try is set for the agent in the admin.
    """
    output_type, timeout = _options(context.input)
    agent = ReviewedAgent(context.agent_id, context.model, context.queue())
    limit = await context.read("tries", lambda: types.tries_for(context.agent_id))
    tries: list[dict[str, Any]] = []
    rejected: ReviewItem | None = None
    while True:
        item_id = await agent.try_once(task, output_type, rejected)
        item = await agent.wait(item_id, timeout)
        if item is None:
            return {"status": "timeout", "review_id": item_id, "tries": tries}
        decision = str(item.status)
        tries.append({"review": item.pk, "decision": decision, "feedback": item.feedback})
        if item.status != ReviewStatus.REJECTED or len(tries) >= limit:
            return {**answer(item), "decision": decision, "tries": tries}
        rejected = item


def _options(given: Any) -> tuple[str, float]:
    """The output type and the timeout in a run's input. BadInput for anything else."""
    options = {} if given is None else given
    if not isinstance(options, dict) or set(options) - {"output_type", "timeout"}:
        raise BadInput("input", 'a JSON object with "output_type" and "timeout", both optional.')
    output_type, timeout = options.get("output_type", "general"), options.get("timeout", DAY)
    if not isinstance(output_type, str):
        raise BadInput("output_type", f"{quoted(output_type)} is no text.")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0:
        raise BadInput("timeout", f"{quoted(timeout)} is no number of seconds.")
    return output_type, float(min(timeout, LONGEST))
