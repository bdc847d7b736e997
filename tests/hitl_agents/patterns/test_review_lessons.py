"""Which of people's words an agent is told: of its own and this type, new and alike, within a size."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_agents.patterns.review_lessons import MOST, SIZE, lessons_for
from reviews import services
from tests.support import people
from tests.support.reviewing import added

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rita() -> None:
    people.rita()


def rejected(task: str, feedback: str, **more: Any) -> int:
    item = added(context={"task": task}, **more)
    return services.reject(item.pk, by="rita", feedback=feedback).pk


def found(task: str = "Write about lamps", **more: Any) -> dict[str, Any]:
    return lessons_for(**{"agent_id": "reviewed", "output_type": "newsletter", "task": task} | more)


def test_only_the_same_agent_and_type_teach() -> None:
    mine = rejected("Write about desks", "Say the price.")
    rejected("Write about lamps", "Other agent.", agent_id="other")
    rejected("Write about lamps", "Other type.", output_type="code")
    assert found()["requests"] == [mine]


def test_a_task_that_is_alike_counts_more_than_a_newer_one_and_stands_last() -> None:
    alike = rejected("Write about the new lamps", "Alike.")
    newer = rejected("Prepare something else entirely", "Newer.")
    assert found("Write about the old lamps")["requests"] == [newer, alike]


def test_of_equally_alike_tasks_the_newest_stands_last() -> None:
    old, new = rejected("Write about lamps", "Old."), rejected("Write about lamps", "New.")
    assert found()["requests"] == [old, new]


def test_a_correction_is_told_with_both_texts() -> None:
    item = added(content="It is good.")
    services.correct(item.pk, by="rita", content="It is 32 cm wide.", feedback="Facts.")
    (lesson,) = found()["lessons"]
    for words in ("corrected", "It is good.", "It is 32 cm wide.", "Facts."):
        assert words in lesson


def test_an_approval_teaches_only_with_words_and_a_release_never() -> None:
    services.approve(added().pk, by="rita")
    praised = services.approve(added().pk, by="rita", feedback="Just right.").pk
    assert found()["requests"] == [praised]


def test_what_is_pending_teaches_nothing() -> None:
    added()
    assert found() == {"of": "reviews.reviewitem", "requests": [], "lessons": [], "told": []}


def test_the_words_stay_within_a_size_and_a_number() -> None:
    for n in range(30):
        rejected(f"Write about lamps {n}", "x" * 5_000)
    lessons = found()["lessons"]
    assert 0 < len(lessons) <= MOST
    assert sum(map(len, lessons)) <= SIZE
