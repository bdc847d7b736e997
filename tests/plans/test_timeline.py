"""What the timeline of a run says about its plan: what it wrote, asked, and was answered."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string

from approvals import services as approvals
from dashboard.runs import timeline
from hitl_agents.demo import plans
from ledger import runs
from ledger.models import Run
from pages.timeline import Line
from plans import services
from plans.models import Plan
from plans.versions.steps import AddStep, MoveStep, Step
from tests.support import people, plan_stories
from tests.support.driving import again, drive, driven
from tests.support.plan_stories import turn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rita() -> User:
    people.gate("interactive")
    return people.person("rita", "Reviewers", first_name="Rita", last_name="Reed")


@pytest.fixture
def run(rita: User) -> Run:
    """A run whose plan awaits feedback."""
    return driven("interactive", plan_stories.GOAL)


def plan_of(run: Run) -> Plan:
    return plan_stories.of_run(run)


def lines(run: Run) -> list[Line]:
    return timeline.tell(again(run)).lines


def titles(run: Run) -> list[str]:
    """The lines about the plan in a few words, oldest first."""
    words = [f"{line.title} {line.what}".strip() for line in lines(run)]
    return [each for each in words if "lan" in each or "tep" in each or "eedback" in each]


def line(run: Run, title: str) -> Line:
    """The only line whose title begins so."""
    (found,) = [line for line in lines(run) if line.title.startswith(title)]
    return found


def html(run: Run) -> str:
    """What everybody's page, and the socket, gets to see."""
    return render_to_string("dashboard/_run.html", {"run": again(run)})


def test_a_plan_that_is_drawn_up_waits_for_people_with_a_link(run: Run) -> None:
    assert titles(run) == [
        "Plan begun",
        "Plan: version 1 awaits feedback",
        "Plan put before people",
        "Plan: it is the people's turn",
    ]
    waiting = line(run, "Plan: version 1")
    assert (waiting.css, waiting.request) == ("wait", turn(plan_of(run)))
    assert f'href="/plans/{plan_of(run).pk}/"' in html(run)


def test_feedback_an_edit_and_an_acceptance_say_who_and_what(run: Run, rita: User) -> None:
    plan = plan_of(run)
    services.edit(plan.pk, [MoveStep("s2", -1)], by=rita)
    services.send_feedback(plan.pk, by=rita, feedback="Not <b>too</b> long.")
    drive()
    services.accept(plan.pk, by=rita)
    assert line(run, "Plan changed by Rita Reed").note
    assert line(run, "Feedback on the plan by Rita Reed").said == "Not <b>too</b> long."
    assert "Not &lt;b&gt;too&lt;/b&gt; long." in html(run)
    assert line(run, "Plan accepted by Rita Reed").css == "yes"
    assert titles(run).count("Plan: to be revised") == 1


def test_each_step_is_begun_and_done_in_order_and_input_is_told(run: Run, rita: User) -> None:
    plan = plan_of(run)
    services.accept(plan.pk, by=rita)
    drive()
    services.give_input(turn(plan).pk, "It is fit.", by=rita)
    drive()
    approvals.approve(plan_stories.waiting_approval(run).pk, by=rita)
    drive()
    assert again(run).status == "completed"
    began = [each.what for each in lines(run) if each.title == "Step of the plan begun"]
    assert began == [
        "Collect what belongs into the monthly report",
        "Write the monthly report",
        "Show the monthly report to a person",
        "Email it to ana@example.org",
    ]
    assert titles(run).count("Step of the plan done") == 4
    assert line(run, "Input for a step by Rita Reed").said == "It is fit."
    asked = line(run, "Plan: step “Show the monthly report to a person”")
    assert (asked.title.endswith("needs input"), asked.css) == (True, "yes")
    assert titles(run)[-2:] == ["Plan: nothing is left to do", "Plan over"]


def test_a_plan_that_is_stopped_says_by_whom_and_why(run: Run, rita: User) -> None:
    services.stop(plan_of(run).pk, by=rita, reason="Not this month.")
    drive()
    stopped = line(run, "Plan stopped by Rita Reed")
    assert (stopped.said, stopped.css) == ("Not this month.", "quiet")
    assert "Plan: nothing is left to do" in titles(run)


def test_a_change_that_asks_for_acceptance_again_is_one_line(run: Run, rita: User) -> None:
    plan = plan_of(run)
    services.accept(plan.pk, by=rita)
    step = Step("", "File a copy", "Write it to reports/copy.md", ("write_file",))
    services.edit(plan.pk, [AddStep(step)], by=rita)
    drive()
    assert [each.title for each in lines(run)].count("Plan changed by Rita Reed") == 1
    assert "Plan: version 2 awaits feedback" in titles(run)


def test_a_run_that_is_cancelled_takes_its_turn_back(run: Run, rita: User) -> None:
    runs.cancel(run.pk, by=people.person("olga", "Operators"), reason="No need.")
    assert line(run, "Cancelled by olga").said == "No need."
    asked = line(run, "Plan: version 1 awaits feedback")
    assert (asked.css, asked.note) == ("quiet", "taken back")


def test_a_plan_that_is_given_up_says_so(rita: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "reply", lambda *_: ("I would rather talk about it.", []))
    run = driven("interactive", plan_stories.GOAL)
    assert "Plan given up" in titles(run)
    assert plan_of(run).status == "failed"
    assert "I would rather talk about it." in plan_of(run).text
