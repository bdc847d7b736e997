"""The page of one plan: what it shows, and what becomes of a press of each button."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from plans import asking, progress, services
from plans.lookup import steps_of
from plans.models import Plan
from plans.versions.steps import SetStep, Step
from plans.versions.storing import Draft
from tests.support import people, plan_stories
from tests.support.markup import as_shown
from tests.support.plan_stories import again

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def page(client: Client, plan: Plan) -> str:
    response = client.get(f"/plans/{plan.pk}/")
    assert response.status_code == 200
    return as_shown(response.content.decode())


def press(client: Client, plan: Plan, do: str, *, htmx: bool = False, **sent: Any) -> Any:
    """Press a button on the page as it is now; `sent` is what else is typed."""
    names = {name.replace("_", "-"): value for name, value in sent.items()}
    data = {"do": do, "version": again(plan).version, **names}
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(f"/plans/{plan.pk}/change/", data, headers=headers)


def text(response: Any) -> str:
    return as_shown(response.content.decode())


# ---- What it shows


def test_a_plan_that_awaits_feedback_shows_steps_questions_and_buttons(rita: Client) -> None:
    plan = plan_stories.offered(questions=("Which month?",))
    shown = page(rita, plan)
    for words in (plan.goal, "Collect the figures", "Which month?", "Awaiting feedback"):
        assert words in shown
    for button in ("Send feedback", "Accept plan", "Stop plan", "Add step", "Move step 2 up"):
        assert button in shown


def test_the_title_names_the_plan_and_its_state_in_words(rita: Client) -> None:
    plan = plan_stories.offered()
    assert f"Plan {plan.pk}, awaiting feedback · hitl</title>" in page(rita, plan)


def test_a_plan_without_steps_says_that_it_is_being_drawn_up(rita: Client) -> None:
    shown = page(rita, plan_stories.begun())
    assert "The agent is drawing the steps up." in shown
    assert "Accept plan" not in shown
    assert "Stop plan" in shown


def test_a_failed_plan_shows_what_the_model_said(rita: Client) -> None:
    plan = plan_stories.begun()
    asking.fail(plan.pk, "It has no steps.", "I would rather talk about <b>the weather</b>.")
    shown = page(rita, plan)
    assert "It has no steps." in shown
    assert "I would rather talk about &lt;b&gt;the weather" in shown


def test_finished_steps_are_shown_as_locked_with_their_result(rita: Client) -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    progress.finish_step(plan.pk, "s1", 1, {"said": "1,284 orders", "actions": []})
    shown = page(rita, plan)
    assert "1,284 orders" in shown
    assert "locked" in shown
    assert "Edit step 1" not in shown
    assert "Edit step 2" in shown


def test_strangers_and_people_without_permission_see_nothing(client: Client) -> None:
    plan = plan_stories.offered()
    assert client.get(f"/plans/{plan.pk}/").status_code == 302
    client.force_login(people.otto())
    response = client.get(f"/plans/{plan.pk}/")
    assert response.status_code == 403
    assert b"Collect the figures" not in response.content
    assert client.post(f"/plans/{plan.pk}/change/", {"do": "stop"}).status_code == 403


def test_an_auditor_reads_and_cannot_work_on_it(client: Client) -> None:
    plan = plan_stories.offered()
    client.force_login(people.person("ada", "Auditors"))
    shown = page(client, plan)
    assert "You can read this plan, not work on it." in shown
    assert "Edit step 1" not in shown
    response = press(client, plan, "accept")
    assert response.status_code == 403
    assert again(plan).status == "awaiting_feedback"


def test_there_is_no_page_of_a_plan_that_is_not_there(rita: Client) -> None:
    assert rita.get("/plans/999/").status_code == 404
    assert rita.post("/plans/999/change/", {"do": "stop"}).status_code == 404


# ---- Editing


def test_opening_a_step_stores_nothing_and_gives_back_what_is_typed(rita: Client) -> None:
    plan = plan_stories.offered()
    response = press(rita, plan, "edit:s2", feedback="Shorter, please.")
    shown = text(response)
    assert response.status_code == 200
    assert 'name="s2-title" value="Write the report"' in shown
    assert "Shorter, please.</textarea>" in shown
    assert again(plan).version == 1


def test_a_saved_step_is_a_new_version(rita: Client) -> None:
    plan = plan_stories.offered()
    sent: dict[str, Any] = {
        "s2_title": "Write a short report",
        "s2_risk": "high",
        "s2_actions": ["write_file"],
    }
    response = press(rita, plan, "save:s2", open="s2", htmx=True, **sent)
    assert response.status_code == 200
    assert "Changed by you" in text(response)
    assert steps_of(again(plan))[1].title == "Write a short report"
    assert steps_of(again(plan))[1].risk == "high"


def test_a_step_is_added_moved_and_deleted(rita: Client) -> None:
    plan = plan_stories.offered()
    press(rita, plan, "save:new1", open="new1", new1_title="File a copy")
    press(rita, plan, "up:s5")
    press(rita, plan, "delete:s1")
    assert [step.id for step in steps_of(again(plan))] == ["s2", "s3", "s5", "s4"]


def test_a_step_without_a_title_is_refused_beside_the_field(rita: Client) -> None:
    plan = plan_stories.offered()
    response = press(rita, plan, "save:new1", open="new1", new1_title=" ", new1_does="Something.")
    shown = text(response)
    assert response.status_code == 422
    assert 'id="new1-title-error">A step needs a title.' in shown
    assert "Something.</textarea>" in shown
    assert again(plan).version == 1


def test_a_step_cannot_use_an_action_that_does_not_exist(rita: Client) -> None:
    plan = plan_stories.offered()
    sent: dict[str, Any] = {"new1_title": "Fire", "new1_actions": "launch"}
    response = press(rita, plan, "save:new1", open="new1", **sent)
    assert response.status_code == 422
    assert "There is no action &#x27;launch&#x27;" in text(response)


def test_discarding_gives_back_everything_else(rita: Client) -> None:
    plan = plan_stories.offered()
    response = press(rita, plan, "discard:s2", open=["s2", "s3"], s2_title="a", s3_title="kept")
    assert 'name="s2-title"' not in text(response)
    assert 'value="kept"' in text(response)


def test_a_comment_is_kept_and_shown_at_its_step(rita: Client) -> None:
    plan = plan_stories.offered()
    assert "Comment on step 2</label>" in text(press(rita, plan, "comment:s2"))
    press(rita, plan, "say:s2", talk="s2", talk_s2="Mind the refunds.")
    assert page(rita, plan).count("Mind the refunds.") == 2


def test_enter_in_a_field_saves_what_is_open(rita: Client) -> None:
    plan = plan_stories.offered()
    press(rita, plan, "keep", open="new1", new1_title="File a copy")
    assert steps_of(again(plan))[-1].title == "File a copy"
    assert press(rita, plan, "keep").status_code == 303


# ---- Turns


def test_feedback_goes_with_answers_and_open_steps(rita: Client) -> None:
    plan = plan_stories.offered(questions=("Which month?",))
    sent: dict[str, Any] = {"answer_q1_1": "November", "open": "s2", "s2_title": "Write two pages"}
    response = press(rita, plan, "feedback", feedback="Nobody reads page three.", **sent)
    assert response.status_code == 303
    plan = again(plan)
    assert (plan.status, plan.version) == ("revising", 2)
    said = [(message.kind, message.text) for message in plan.messages.all()]
    assert said == [("answer", "November"), ("feedback", "Nobody reads page three.")]


def test_feedback_over_the_limit_is_refused_beside_the_field_and_nothing_is_lost(
    rita: Client,
) -> None:
    plan = plan_stories.offered(questions=("Which month?",))
    long = "x" * 10_001
    sent: dict[str, Any] = {"answer_q1_1": "November", "open": "s2", "s2_title": "Write two pages"}
    response = press(rita, plan, "feedback", feedback=long, **sent)
    shown = text(response)
    assert response.status_code == 422
    assert 'id="feedback-error">Longer than 10,000 characters.' in shown
    for typed in (long, 'value="November"', 'value="Write two pages"'):
        assert typed in shown
    assert (again(plan).status, again(plan).version) == ("awaiting_feedback", 1)


def test_feedback_that_says_nothing_is_refused(rita: Client) -> None:
    plan = plan_stories.offered()
    response = press(rita, plan, "feedback", feedback="  ")
    assert response.status_code == 422
    assert "Say what should be different." in text(response)


def test_an_accepted_plan_says_by_whom(rita: Client) -> None:
    plan = plan_stories.offered()
    assert press(rita, plan, "accept").status_code == 303
    assert again(plan).status == "accepted"
    assert "accepted by rita" in page(rita, plan)


def test_accepting_an_outdated_version_is_refused_with_the_current_one(rita: Client) -> None:
    plan = plan_stories.offered()
    changed = SetStep(Step("s2", "Write one page", actions=("write_file",)))
    services.edit(plan.pk, [changed], by=plan_stories.sam())
    response = press(rita, plan, "accept", version=1, feedback="Go ahead.", htmx=True)
    shown = text(response)
    assert response.status_code == 412
    assert "This page was out of date." in shown
    assert "Write one page" in shown
    assert "Go ahead.</textarea>" in shown
    assert again(plan).status == "awaiting_feedback"


def test_an_edit_on_top_of_the_agents_revision_is_told_and_keeps_its_text(rita: Client) -> None:
    plan = plan_stories.offered()
    services.send_feedback(plan.pk, by=plan_stories.sam(), feedback="Shorter.")
    asking.offer(plan.pk, Draft(tuple(steps_of(plan)), explanation="Shortened."), based_on=1)
    response = press(rita, plan, "save:s2", version=1, open="s2", s2_title="My own words")
    assert response.status_code == 412
    assert 'value="My own words"' in text(response)
    assert 'name="version" value="2"' in text(response)
    assert again(plan).version == 2


def test_the_text_of_a_step_that_is_locked_meanwhile_is_given_back(rita: Client) -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    response = press(rita, plan, "save:s1", open="s1", s1_title="My own words")
    assert response.status_code == 422
    assert "The step you were editing is locked or gone." in text(response)
    assert "My own words" in text(response)


def test_a_stopped_plan_takes_nothing_more(rita: Client) -> None:
    plan = plan_stories.offered()
    press(rita, plan, "stop", feedback="Not needed any more.")
    assert again(plan).status == "stopped"
    response = press(rita, plan, "accept", feedback="But I typed this.")
    assert response.status_code == 409
    assert "But I typed this." in text(response)


def test_a_step_gets_the_input_that_it_asks_for(rita: Client) -> None:
    plan = plan_stories.accepted(None, Step("", "Ask", person=True, asks="Which colour?"))
    progress.ask_input(plan.pk, "s1")
    assert "Which colour?" in page(rita, plan)
    turn = plan_stories.turn(plan)
    assert press(rita, plan, "input", turn=turn.pk, input=" ").status_code == 422
    assert press(rita, plan, "input", turn=turn.pk, input="Blue").status_code == 303
    assert press(rita, plan, "input", turn=turn.pk, input="Red").status_code == 409
    assert progress.next_for(plan.pk)["human_input"] == "Blue"


def test_a_failed_step_is_retried_with_words(rita: Client) -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    progress.fail_step(plan.pk, "s1", 1, "The shop did not answer.")
    shown = page(rita, plan)
    assert "The shop did not answer." in shown
    press(rita, plan, "retry", turn=plan_stories.turn(plan).pk, input="Try the other shop.")
    begun = progress.next_for(plan.pk)
    assert (begun["attempt"], begun["human_input"]) == (2, "Try the other shop.")


def test_an_unknown_button_is_refused(rita: Client) -> None:
    assert press(rita, plan_stories.offered(), "dance").status_code == 422


# ---- Versions


def test_every_version_stays_readable_and_two_are_compared_by_identity(rita: Client) -> None:
    plan = plan_stories.offered()
    press(rita, plan, "delete:s1")
    press(rita, plan, "save:s2", open="s2", s2_title="Write one page", s2_actions="write_file")
    first = as_shown(rita.get(f"/plans/{plan.pk}/versions/1/").content.decode())
    assert "Collect the figures" in first
    compared = as_shown(rita.get(f"/plans/{plan.pk}/compare/1/3/").content.decode())
    for words in ("Removed", "Changed", "Write one page", "Collect the figures"):
        assert words in compared
    chosen = rita.get(f"/plans/{plan.pk}/compare/?before=1&after=3")
    assert chosen.status_code == 200
    for missing in ("versions/9/", "compare/1/9/", "compare/?before=x&after=1"):
        assert rita.get(f"/plans/{plan.pk}/{missing}").status_code == 404
