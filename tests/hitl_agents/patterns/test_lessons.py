"""What people said on earlier requests goes into later prompts, through the journal."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.patterns.lessons import FEEDBACK, NEWEST, lessons_for
from tests.support import people


@pytest.fixture
def rita(db: None) -> User:
    return people.rita()


def rejected(rita: User, feedback: str, **changes: object) -> ApprovalRequest:
    return services.reject(people.asked(**changes).pk, by=rita, feedback=feedback)


def test_rejections_and_revisions_of_that_agent_and_action_are_told_oldest_first(
    rita: User,
) -> None:
    first = rejected(rita, "Never on Sundays.")
    second = services.request_revision(people.asked().pk, by=rita, feedback="Shorter.")
    found = lessons_for("gated", ["tell"])
    assert found["requests"] == [first.pk, second.pk]
    assert "rejected tell" in found["lessons"][0]
    assert found["lessons"][0].endswith(": Never on Sundays.")
    assert "asked to change tell" in found["lessons"][1]


def test_an_edit_by_a_person_teaches_too(rita: User) -> None:
    request = people.asked()
    services.edit_and_approve(request.pk, by=rita, details={"to": "bob"}, feedback="Wrong one.")
    assert "changed by hand" in lessons_for("gated", ["tell"])["lessons"][0]


def test_others_agents_actions_approvals_deadlines_and_cancels_teach_nothing(rita: User) -> None:
    rejected(rita, "no", agent_id="other")
    rejected(rita, "no", action="shout")
    services.approve(people.asked().pk, by=rita, feedback="Fine.")
    services.cancel(people.asked().pk, actor="system")
    late = people.asked()
    services.shorten(late.pk, 0)
    services.expire(late.pk)
    assert lessons_for("gated", ["tell"]) == {
        "of": "approvals.approvalrequest",
        "requests": [],
        "lessons": [],
        "told": [],
    }


def test_only_the_newest_few_of_each_action_are_told(rita: User) -> None:
    for number in range(NEWEST + 2):
        rejected(rita, f"No {number}.")
    shouted = rejected(rita, "Not so loud.", action="shout")
    found = lessons_for("gated", ["tell", "shout"])
    assert len(found["lessons"]) == NEWEST + 1
    assert found["lessons"][0].endswith("No 2.")
    assert found["requests"][-1] == shouted.pk


def test_long_words_and_arguments_are_cut(rita: User) -> None:
    rejected(rita, "x" * 5_000, details={"text": "y" * 5_000})
    (lesson,) = lessons_for("gated", ["tell"])["lessons"]
    assert len(lesson) < 2 * FEEDBACK + 100
