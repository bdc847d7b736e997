"""The reviewed agent in a run: journaled, replayed, tried again, taught by what people said."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hitl_agents.context.queue import BoundQueue
from hitl_agents.context.run_context import RunContext
from hitl_agents.patterns.reviewed import ReviewedAgent
from ledger import runs
from ledger.clock import now
from ledger.models import Event, Run
from reviews import services, types
from reviews.models import ReviewItem
from tests.support import people, sample_agents
from tests.support.driving import again, drive, driven
from tests.support.reviewing import browser, output_type

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "Write a note on the walnut desk organiser"


@pytest.fixture
def rita() -> User:
    return people.rita()


def result(run: Run) -> Any:
    """What the run returned, as it is now."""
    return again(run).result


def pending() -> ReviewItem:
    return ReviewItem.objects.get(status="pending")


def calls(run: Run) -> int:
    """How often the model was really asked."""
    return run.journal.filter(kind="model").count()


# ---- The built-in agent ----------------------------------------------------------------------


def test_the_run_waits_for_the_review_and_ends_with_what_may_be_used(rita: User) -> None:
    run = driven("reviewed", TASK)
    assert run.status == "waiting"
    item = pending()
    services.approve(item.pk, by=rita, feedback="Nice.")
    drive()
    done = again(run)
    assert done.status == "completed"
    assert done.result == {
        "status": "reviewed",
        "approved": True,
        "content": item.content,
        "feedback": "Nice.",
        "decision": "approved",
        "tries": [{"review": item.pk, "decision": "approved", "feedback": "Nice."}],
    }
    assert services.find_by_id(item.pk).delivered_at is not None


def test_a_rejected_output_is_tried_again_linked_and_changed_as_the_person_said(
    rita: User,
) -> None:
    run = driven("reviewed", TASK)
    first = pending()
    services.reject(first.pk, by=rita, feedback="Mention the price of 40 euros.")
    drive()
    second = pending()
    assert (second.previous_id, second.attempt) == (first.pk, 2)
    assert "40 euros" in second.content
    assert "40 euros" not in first.content
    services.correct(second.pk, by=rita, content="My own words.")
    drive()
    done = result(run)
    assert (done["decision"], done["content"], done["original"]) == (
        "corrected",
        "My own words.",
        second.content,
    )
    assert [each["decision"] for each in done["tries"]] == ["rejected", "corrected"]


def test_it_stops_at_the_limit_that_is_set_for_the_agent(rita: User) -> None:
    types.set_tries("reviewed", 2, by=people.person("olga", "Operators"))
    run = driven("reviewed", TASK)
    for _ in range(2):
        services.reject(pending().pk, by=rita, feedback="No.")
        drive()
    done = again(run)
    assert done.status == "completed"
    assert (result(run)["approved"], result(run)["content"], len(result(run)["tries"])) == (
        False,
        None,
        2,
    )
    assert ReviewItem.objects.count() == 2


def test_without_a_limit_of_its_own_an_agent_tries_three_times(rita: User) -> None:
    run = driven("reviewed", TASK)
    for _ in range(3):
        services.reject(pending().pk, by=rita, feedback="No.")
        drive()
    assert (again(run).status, ReviewItem.objects.count()) == ("completed", 3)


def test_a_timeout_is_journaled_and_the_item_outlives_the_run(rita: User) -> None:
    run = driven("reviewed", TASK, input={"timeout": 0})
    item = pending()
    assert run.status == "completed"
    assert run.result == {"status": "timeout", "review_id": item.pk, "tries": []}
    entry = run.journal.get(kind="wait")
    assert (entry.status, "decided" in str(entry.result)) == ("done", False)
    services.approve(item.pk, by=rita)
    assert services.find_by_id(item.pk).status == "approved"


def test_what_is_not_in_the_share_is_used_at_once() -> None:
    output_type("letter", share=0)
    run = driven("reviewed", TASK, input={"output_type": "letter"})
    assert (run.status, result(run)["decision"], result(run)["approved"]) == (
        "completed",
        "released",
        None,
    )
    assert result(run)["content"]


@pytest.mark.parametrize(
    "given",
    [[], {"timeout": "soon"}, {"timeout": True}, {"timeout": -1}, {"output_type": 3}, {"x": 1}],
)
def test_input_that_it_does_not_know_fails_the_run_with_a_sentence(given: Any) -> None:
    run = driven("reviewed", TASK, input=given)
    assert run.status == "failed"
    assert "BadInput" in run.error
    assert not ReviewItem.objects.exists()


def test_a_cancelled_run_takes_its_open_output_back(rita: User) -> None:
    run = driven("reviewed", TASK)
    runs.cancel(run.pk, actor="user:rita")
    assert ReviewItem.objects.get().status == "cancelled"


# ---- Journal and replay ----------------------------------------------------------------------


def test_a_replay_asks_no_model_and_adds_nothing_twice(rita: User) -> None:
    run = driven("reviewed", TASK)
    assert (calls(run), ReviewItem.objects.count()) == (1, 1)
    Run.objects.filter(pk=run.pk).update(status="queued", not_before=None)  # as after a crash
    drive()
    assert (calls(run), ReviewItem.objects.count()) == (1, 1)
    services.approve(pending().pk, by=rita)
    drive()
    assert (again(run).status, calls(run)) == ("completed", 1)


def test_a_review_that_is_committed_before_the_end_of_the_wait_wins(rita: User) -> None:
    run = driven("reviewed", TASK, input={"timeout": 3600})
    assert run.status == "waiting"
    services.approve(pending().pk, by=rita)
    entry = run.journal.get(kind="wait")
    entry.result = {**(entry.result or {}), "until": now().isoformat()}  # the time is up as well
    entry.save()
    drive()
    assert result(run)["status"] == "reviewed"


async def twice_side_by_side(task: str, context: RunContext) -> list[Any]:
    """Two outputs of two tasks at once."""
    import asyncio

    agent = ReviewedAgent(context.agent_id, context.model, context.queue())
    both = (agent.generate_and_wait(f"Write about {word}") for word in ("lamps", "desks"))
    return [answer["content"] for answer in await asyncio.gather(*both)]


def test_two_side_by_side_keep_their_answers_apart_on_every_replay(rita: User) -> None:
    with sample_agents.in_catalogue(twice_side_by_side):
        run = driven("twice_side_by_side")
        desks, lamps = sorted(ReviewItem.objects.all(), key=lambda item: item.topic)
        services.approve(desks.pk, by=rita)
        drive()
        services.approve(lamps.pk, by=rita)
        drive()
    assert again(run).result == [lamps.content, desks.content]
    assert calls(run) == 2


async def adds_and_goes(task: str, context: RunContext) -> int:
    """Puts something into the queue and waits for nobody."""
    queue = context.queue()
    return await queue.add(context.agent_id, "letter", {"any": 2**70}, {"why": "because"})


def test_what_a_run_adds_without_waiting_stays_pending_when_it_is_over(rita: User) -> None:
    with sample_agents.in_catalogue(adds_and_goes):
        run = driven("adds_and_goes")
    assert (run.status, run.result) == ("completed", pending().pk)
    assert pending().content == {"any": 2**70}


def test_the_queue_of_a_run_cannot_decide() -> None:
    for name in ("review", "correct", "approve", "reject"):
        assert not hasattr(BoundQueue, name)


# ---- Learning --------------------------------------------------------------------------------


def test_a_later_run_is_told_what_people_said_and_its_page_shows_which(rita: User) -> None:
    driven("reviewed", TASK, input={"timeout": 0})
    first = pending()
    services.reject(first.pk, by=rita, feedback="Mention the price of 40 euros.")
    run = driven("reviewed", "Write a note on the walnut desk lamp", input={"timeout": 0})
    read: Any = run.journal.get(name="lessons")
    assert read.result["requests"] == [first.pk]
    assert "40 euros" in read.result["lessons"][0]
    assert "40 euros" in pending().content
    page = browser(rita).get(f"/runs/{run.pk}/").content.decode()
    assert "Earlier answers read: 1" in page
    assert f'<a href="/reviews/{first.pk}/">review {first.pk}</a>' in page


def test_the_run_s_page_tells_the_story_of_the_review(rita: User) -> None:
    run = driven("reviewed", TASK)
    item = pending()
    client: Client = browser(rita)
    waiting = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Output for review" in waiting
    assert f'<a href="/reviews/{item.pk}/">review {item.pk}</a>' in waiting
    services.correct(item.pk, by=rita, content="x", feedback="Mine is better.")
    drive()
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Decided: corrected and approved by rita" in page
    assert "Mine is better." in page
    assert "Answered in time" in page
    assert "delivered" in page


def test_the_log_of_a_run_and_its_review_is_whole(rita: User) -> None:
    run = driven("reviewed", TASK)
    services.approve(pending().pk, by=rita)
    drive()
    kinds = list(Event.objects.filter(run=run).order_by("id").values_list("kind", flat=True))
    assert kinds[:3] == ["runs.submitted", "runs.started", "reviews.added"]
    assert "reviews.approved" in kinds
    assert "reviews.delivered" in kinds
    assert kinds[-1] == "runs.completed"
