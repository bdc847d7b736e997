"""The built-in agent `interactive`: a plan is worked out with people, then carried out."""

from __future__ import annotations

import pytest
from django.core import mail

from approvals import services as approvals
from plans import services
from plans.lookup import steps_of
from plans.versions.steps import AddStep, Step
from tests.support import people, plan_stories
from tests.support.driving import again, drive, driven

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_plan_is_proposed_changed_accepted_and_carried_out() -> None:
    rita = people.rita()
    people.gate("interactive")
    run = driven("interactive", plan_stories.GOAL)
    plan = plan_stories.of_run(run)
    assert (run.status, run.error, plan.status) == ("waiting", "", "awaiting_feedback")
    steps = steps_of(plan)
    assert [step.title for step in steps] == [
        "Collect what belongs into the monthly report",
        "Write the monthly report",
        "Show the monthly report to a person",
        "Email it to ana@example.org",
    ]
    question = plan.versions.get(number=1).questions[0]["id"]
    services.send_feedback(
        plan.pk,
        by=rita,
        feedback="Two pages at most.",
        answers={question: "November"},
        changes=[AddStep(Step("", "File a copy", "Write it to reports/copy.md", ("write_file",)))],
        version=1,
    )
    drive()
    plan = plan_stories.again(plan)
    assert (plan.status, plan.version) == ("awaiting_feedback", 3)
    services.accept(plan.pk, by=rita, version=3)
    drive()
    services.give_input(plan_stories.turn(plan).pk, "Ana, here it is.", by=rita)
    drive()
    run = again(run)
    assert (run.status, run.error) == ("waiting", "")
    approvals.approve(plan_stories.waiting_approval(run).pk, by=rita)
    drive()
    run = again(run)
    assert (run.status, run.error) == ("completed", "")
    assert run.result is not None
    assert run.result["status"] == "completed"
    assert [step["status"] for step in run.result["steps"]] == ["done"] * 5
    assert [step["human_input_used"] for step in run.result["steps"]] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert len(mail.outbox) == 1
