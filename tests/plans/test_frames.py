"""What the live socket tells of plans: the rows of both lists, the page's fragments, no person."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from dashboard.live import rendering
from dashboard.live.changes import ROW, Shown
from dashboard.live.rendering import Frame
from ledger import runs
from ledger.models import Event, Run
from ledger.transitions import record
from plans import progress, services
from plans.models import Plan, PlanTurn
from plans.versions.steps import MoveStep
from tests.support import people, plan_stories
from tests.support.markup import as_shown
from tests.support.plan_stories import again, turn

pytestmark = pytest.mark.django_db

INBOX, LIST, RUNS = frozenset({"pending"}), frozenset({"plans"}), frozenset({"runs"})


@pytest.fixture(autouse=True)
def rita() -> User:
    rendering.recent.forget()
    return people.rita()


def drawn(on: Shown = None, after: int = 0) -> dict[str, Frame]:
    rows = Event.objects.after(after).values_list(*ROW)
    return {frame.subject: frame for frame in rendering.frames(rows, on)}


def told(of: Plan | PlanTurn, on: Shown = None, after: int = 0) -> dict[str, Any]:
    """What a page that shows `on` hears of that plan, or of that turn."""
    found: dict[str, Any] = json.loads(drawn(on, after)[of.subject].text_for(on) or "{}")
    return found


def page_of(plan: Plan) -> frozenset[str]:
    return frozenset({plan.subject})


# ---- In the inbox


def test_a_version_that_awaits_feedback_is_a_row_of_the_inbox() -> None:
    waiting = turn(plan_stories.offered())
    frame = told(waiting, INBOX)
    row = render_to_string("plans/_turn_row.html", {"turn": waiting})
    assert frame["html"][f"turn-{waiting.pk}"] == row
    assert f"/plans/{waiting.plan_id}/" in row
    assert (frame["lists"], frame["open"]) == (["pending"], True)
    assert frame["label"] == (f"Plan “{plan_stories.GOAL}”: version 1 awaits feedback, medium risk")
    assert frame["counts"] == {"plans": 1, "plans_risk": "medium"}
    assert "1 agent waits for a person" in as_shown(frame["html"]["waiting"])


def test_an_edit_by_a_person_shows_on_the_row_that_waits(rita: User) -> None:
    plan = plan_stories.offered(people.a_run())
    before = Event.objects.newest()
    services.edit(plan.pk, [MoveStep("s2", -1)], by=rita)
    frame = told(turn(plan), INBOX, before)
    assert "version 2 awaits feedback" in frame["html"][f"turn-{turn(plan).pk}"]


def test_a_row_is_done_when_its_turn_is_answered(rita: User) -> None:
    plan = plan_stories.offered()
    waiting, before = turn(plan), Event.objects.newest()
    services.accept(plan.pk, by=rita)
    frame = told(waiting, INBOX, before)
    assert "is-done" in frame["html"][f"turn-{waiting.pk}"]
    assert "by rita" in frame["html"][f"turn-{waiting.pk}"]
    assert (frame["lists"], frame["open"]) == ([], False)
    assert frame["label"].endswith("answered")
    assert frame["counts"]["plans"] == 0


def test_a_step_that_needs_a_person_is_a_row_with_its_title() -> None:
    plan = plan_stories.accepted(None, plan_stories.STEPS[2])
    progress.ask_input(plan.pk, "s1")
    frame = told(turn(plan), INBOX)
    assert "step “Show it to a person” needs input" in frame["html"][f"turn-{turn(plan).pk}"]


def test_a_row_is_told_how_its_run_is() -> None:
    run = people.a_run()
    waiting, before = turn(plan_stories.offered(run)), Event.objects.newest()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.WAITING)
    record("runs.waiting", run.subject, actor="runner:a", run_id=run.pk)
    assert "waiting" in told(waiting, INBOX, before)["html"][f"turn-{waiting.pk}"]


def test_the_end_of_its_run_takes_the_row_back() -> None:
    run = people.a_run()
    waiting, before = turn(plan_stories.offered(run)), Event.objects.newest()
    runs.cancel(run.pk, actor="user:rita")
    frame = told(waiting, INBOX, before)
    assert "Cancelled" in frame["html"][f"turn-{waiting.pk}"]
    assert (frame["lists"], frame["counts"]["plans"]) == ([], 0)


# ---- In the list, and on the page of one plan


def test_a_plan_is_a_row_of_the_list_from_its_first_moment() -> None:
    plan = plan_stories.begun()
    frame = told(plan, LIST)
    assert frame["html"] == {
        f"plan-row-{plan.pk}": render_to_string("plans/_row.html", {"plan": again(plan)})
    }
    assert (frame["lists"], frame["open"]) == (["plans"], True)
    assert frame["label"] == f"Plan {plan.pk}: drafting, version 0"


def test_the_page_of_a_plan_is_told_which_version_there_is_and_asks_for_the_rest(
    rita: User, client: Client
) -> None:
    plan, before = plan_stories.offered(), Event.objects.newest()
    services.comment(plan.pk, "s1", "Which orders?", by=rita)
    services.edit(plan.pk, [MoveStep("s2", -1)], by=rita)
    frame = told(plan, page_of(plan), before)
    assert frame["plan"] == {
        "id": plan.pk,
        "version": 2,
        "status": "awaiting_feedback",
        "turn": turn(plan).subject,
    }
    names = {f"plan-{name}-{plan.pk}" for name in ("title", "talk", "versions")}
    assert set(frame["html"]) == names
    client.force_login(rita)
    html = as_shown(client.get(f"/plans/{plan.pk}/").content.decode())
    for name in names - {f"plan-versions-{plan.pk}"}:  # which counts the seconds
        assert as_shown(frame["html"][name]) in html
    assert "by rita <small>current</small>" in as_shown(frame["html"][f"plan-versions-{plan.pk}"])
    assert "Which orders?" in frame["html"][f"plan-talk-{plan.pk}"]


def test_an_open_page_hears_what_its_run_asks_elsewhere() -> None:
    run = people.a_run()
    plan = plan_stories.accepted(run)
    before = Event.objects.newest()
    people.asked(run)
    assert told(plan, page_of(plan), before)["plan"]["id"] == plan.pk


def test_a_plan_that_is_over_says_so(rita: User) -> None:
    plan = plan_stories.offered()
    services.stop(plan.pk, by=rita)
    frame = told(plan, LIST)
    assert frame["open"] is False
    assert "Stopped" in frame["html"][f"plan-row-{plan.pk}"]


# ---- What no frame holds


def test_a_frame_holds_no_form_no_token_and_no_button(rita: User) -> None:
    plan = plan_stories.offered(None, questions=("Which month?",))
    services.stop(plan_stories.offered().pk, by=rita)
    for frame in drawn().values():
        html = "".join(json.loads(frame.text_for(None) or "{}")["html"].values())
        for forbidden in ("<form", "<button", "csrf", "hx-post", " you ", "You "):
            assert forbidden not in html
    assert plan.pk


def test_other_pages_are_told_the_figure_and_only_those_who_may_see_it() -> None:
    waiting = turn(plan_stories.offered())
    frame = drawn(RUNS)[waiting.subject]
    assert json.loads(frame.text_for(RUNS) or "{}")["counts"]["plans"] == 1
    assert json.loads(frame.text_for(RUNS) or "{}")["html"] == {}
    assert frame.needs == "plans.view_plan"


def test_what_hides_in_a_goal_is_read_out_without_it() -> None:
    plan = plan_stories.offered()
    Plan.objects.filter(pk=plan.pk).update(goal="Pay\u202e now\nor later")
    assert told(turn(plan))["label"].startswith("Plan “Pay\ufffd now or later”: version 1")
