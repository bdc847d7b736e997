"""The review queue as programs use it, and the reviewed agent outside a run: the semantics' page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hitl_agents.patterns.reviewed import ReviewedAgent
from hitl_agents.testing import ScriptedModel
from ledger.errors import AlreadyDecided, BadInput, NotAllowed, UnknownId
from reviews import services
from reviews.models import ReviewItem
from reviews.queue import ReviewQueue
from tests.support import people
from tests.support.reviewing import added, output_type

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue() -> ReviewQueue:
    people.rita()
    return ReviewQueue()


# ---- The queue -------------------------------------------------------------------------------


def test_add_gives_the_id_of_a_stored_item(queue: ReviewQueue) -> None:
    pk = queue.add("writer", "letter", {"any": ["json"]}, context={"task": "Write"})
    item = ReviewItem.objects.get(pk=pk)
    assert (item.agent_id, item.output_type, item.content, item.context) == (
        "writer",
        "letter",
        {"any": ["json"]},
        {"task": "Write"},
    )
    assert (item.reviewed, item.reviewer, item.approved, item.feedback) == (False, None, None, "")


def test_pending_ones_come_oldest_first_and_reading_claims_nothing(queue: ReviewQueue) -> None:
    keys = [queue.add("writer", "letter", f"text {n}") for n in range(12)]
    assert [item.pk for item in queue.get_pending()] == keys[:10]
    assert [item.pk for item in queue.get_pending(limit=2)] == keys[:2]
    assert queue.get_pending(limit=0) == []
    queue.review(keys[0], "rita", True)
    assert [item.pk for item in queue.get_pending(limit=1)] == [keys[1]]
    assert not ReviewItem.objects.exclude(claimed_by=None).exists()


def test_a_review_by_name_or_by_user_is_kept(queue: ReviewQueue) -> None:
    one, two = queue.add("writer", "letter", "a"), queue.add("writer", "letter", "b")
    assert queue.review(one, people.rita(), True).approved is True
    item = queue.review(str(two), "rita", False, feedback="No.")
    assert (item.approved, item.reviewed, item.feedback) == (False, True, "No.")


def test_the_result_is_none_while_it_is_pending(queue: ReviewQueue) -> None:
    pk = queue.add("writer", "letter", "a")
    assert queue.get_review_result(pk) is None
    queue.correct(pk, "rita", "b", feedback="Better.")
    found = queue.get_review_result(pk)
    assert found is not None
    assert (found.content, found.correction, found.approved) == ("a", "b", True)


def test_rejecting_needs_feedback(queue: ReviewQueue) -> None:
    pk = queue.add("writer", "letter", "a")
    with pytest.raises(BadInput, match="feedback"):
        queue.review(pk, "rita", False)
    assert queue.get_review_result(pk) is None


@pytest.mark.parametrize("approved", [None, 1, "yes"])
def test_a_verdict_that_is_neither_yes_nor_no_is_refused(queue: ReviewQueue, approved: Any) -> None:
    with pytest.raises(BadInput, match="approved"):
        queue.review(queue.add("writer", "letter", "a"), "rita", approved)


def test_a_second_review_raises(queue: ReviewQueue) -> None:
    pk = queue.add("writer", "letter", "a")
    queue.review(pk, "rita", True)
    with pytest.raises(AlreadyDecided):
        queue.review(pk, "rita", False, "No.")


def test_strangers_and_unknown_ids_are_named(queue: ReviewQueue) -> None:
    people.otto()
    pk = queue.add("writer", "letter", "a")
    with pytest.raises(NotAllowed):
        queue.review(pk, "otto", True)
    with pytest.raises(KeyError, match="nobody"):
        queue.review(pk, "nobody", True)
    for unknown in (pk + 1, "x"):
        with pytest.raises(UnknownId, match=str(unknown)):
            queue.get_review_result(unknown)


def test_statistics_are_exact_and_a_correction_is_an_approval(queue: ReviewQueue) -> None:
    empty = {"pending": 0, "reviewed": 0, "approved": 0, "rejected": 0, "approval_rate": 0}
    assert queue.get_statistics() == empty
    keys = [queue.add("writer", "letter", f"text {n}") for n in range(6)]
    queue.review(keys[0], "rita", True)
    queue.review(keys[1], "rita", False, "No.")
    queue.correct(keys[2], "rita", "better")
    output_type("letter", share=0)
    queue.add("writer", "letter", "released")
    assert queue.get_statistics() == {
        "pending": 3,
        "reviewed": 3,
        "approved": 2,
        "rejected": 1,
        "approval_rate": 2 / 3,
    }


# ---- The agent in a program of somebody else's -----------------------------------------------


class Decided(ReviewedAgent):
    """While it waits, `decide(item_id)` happens."""

    decide: Callable[[int], Any] | None = None

    async def wait(self, item_id: int, timeout: float | None) -> ReviewItem | None:
        waiting = asyncio.create_task(super().wait(item_id, timeout))
        if self.decide is not None:
            await sync_to_async(self.decide)(item_id)
        return await waiting


def agent(queue: ReviewQueue, *answers: Any) -> Decided:
    return Decided("writer", ScriptedModel(*answers), queue)


async def generated(agent: Decided, decide: Callable[[int], Any]) -> dict[str, Any]:
    """What generate_and_wait answers when that happens meanwhile."""
    agent.decide = decide
    return await agent.generate_and_wait("Write a letter", "letter")


async def test_generate_for_review_makes_an_item_with_its_task(queue: ReviewQueue) -> None:
    pk = await agent(queue, "Dear Ana").generate_for_review("Write a letter")
    item = await ReviewItem.objects.aget(pk=pk)
    assert (item.content, item.output_type, item.context, item.agent_id) == (
        "Dear Ana",
        "general",
        {"task": "Write a letter"},
        "writer",
    )


async def test_an_approved_output_comes_back_as_it_is(queue: ReviewQueue) -> None:
    answer = await generated(agent(queue, "Dear Ana"), lambda pk: queue.review(pk, "rita", True))
    assert answer == {"status": "reviewed", "approved": True, "content": "Dear Ana", "feedback": ""}


async def test_a_rejected_output_comes_back_with_the_reason_and_nothing_to_use(
    queue: ReviewQueue,
) -> None:
    answer = await generated(
        agent(queue, "Dear Ana"), lambda pk: queue.review(pk, "rita", False, "Wrong name.")
    )
    assert answer == {
        "status": "reviewed",
        "approved": False,
        "content": None,
        "feedback": "Wrong name.",
        "original": "Dear Ana",
    }


async def test_a_corrected_output_comes_back_corrected_with_the_original_beside(
    queue: ReviewQueue,
) -> None:
    answer = await generated(
        agent(queue, "Dear Ana"), lambda pk: queue.correct(pk, "rita", "Dear Eve", "Her name.")
    )
    assert answer == {
        "status": "reviewed",
        "approved": True,
        "content": "Dear Eve",
        "feedback": "Her name.",
        "original": "Dear Ana",
    }


async def test_after_the_timeout_the_item_stays_pending(queue: ReviewQueue) -> None:
    answer = await agent(queue, "Dear Ana").generate_and_wait("Write", "letter", timeout=0.05)
    item = await ReviewItem.objects.aget()
    assert answer == {"status": "timeout", "review_id": item.pk}
    assert item.status == "pending"


async def test_what_is_released_comes_back_as_not_reviewed(queue: ReviewQueue) -> None:
    await sync_to_async(output_type)("letter", share=0)
    answer = await agent(queue, "Dear Ana").generate_and_wait("Write", "letter")
    assert answer == {"status": "released", "approved": None, "content": "Dear Ana", "feedback": ""}


async def test_an_empty_answer_of_the_model_is_asked_for_once_more(queue: ReviewQueue) -> None:
    pk = await agent(queue, "", "Dear Ana").generate_for_review("Write a letter")
    assert (await ReviewItem.objects.aget(pk=pk)).content == "Dear Ana"


async def test_feedback_and_corrections_stand_in_the_next_prompt(queue: ReviewQueue) -> None:
    def before() -> None:
        rejected = added(agent_id="writer", output_type="letter", content="Hi")
        services.reject(rejected.pk, by="rita", feedback="Never say Hi.")
        other = added(agent_id="writer", output_type="other", content="Yo")
        services.reject(other.pk, by="rita", feedback="Not for letters.")

    await sync_to_async(before)()
    writer = agent(queue, "Dear Ana")
    await writer.generate_for_review("Write a letter", "letter")
    model: Any = writer.llm_client
    system, told = (message["content"] for message in model.calls[0]["messages"])
    assert "Never say Hi." in told
    assert "Not for letters." not in told
    assert "Never say Hi." not in system
