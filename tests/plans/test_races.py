"""Everybody at once on one plan: one wins, every loser is told, and nothing is half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from ledger.errors import Refused
from ledger.models import Event
from plans import asking, services
from plans.lookup import steps_of
from plans.models import Plan
from plans.versions.steps import DeleteStep, SetStep, Step
from plans.versions.storing import Draft
from tests.support import people, plan_stories

pytestmark = pytest.mark.django_db(transaction=True)

Act = Callable[[Plan], Any]
ACTS: dict[str, Act] = {
    "accept": lambda plan: services.accept(plan.pk, by="rita", version=plan.version),
    "accept too": lambda plan: services.accept(plan.pk, by="sam", version=plan.version),
    "feedback": lambda plan: services.send_feedback(
        plan.pk, by="rita", feedback="Shorter.", version=plan.version
    ),
    "edit": lambda plan: services.edit(
        plan.pk, [SetStep(Step("s2", "Mine"))], by="sam", version=plan.version
    ),
    "delete": lambda plan: services.edit(
        plan.pk, [DeleteStep("s1")], by="rita", version=plan.version
    ),
}


def at_once(plan: Plan, acts: dict[str, Act]) -> tuple[list[str], list[str]]:
    """The names of those that counted, and of those that were told they did not."""
    ready = threading.Barrier(len(acts))
    won: list[str] = []
    lost: list[str] = []
    errors: list[BaseException] = []

    def job(name: str, act: Act) -> None:
        try:
            ready.wait()
            act(plan)
            won.append(name)
        except Refused:
            lost.append(name)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=job, args=one) for one in acts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    return won, lost


@pytest.mark.parametrize("_", range(5))
def test_of_all_acts_on_one_version_the_first_wins(_: int) -> None:
    people.rita(), plan_stories.sam()
    plan = plan_stories.offered()
    won, lost = at_once(plan, ACTS)
    assert len(won) + len(lost) == len(ACTS)
    plan = plan_stories.again(plan)
    first = won[0]
    if first in ("edit", "delete"):
        assert won == [first]
        assert plan.version == 2
    else:  # an accepted plan may still be edited, and sent back
        assert sum(name.startswith("accept") for name in won) <= 1
    changes = Event.objects.filter(subject=plan.subject, kind__in=["plans.edited"]).count()
    assert plan.versions.count() == 1 + changes == plan.version


@pytest.mark.parametrize("_", range(5))
def test_a_stop_and_the_agents_version_do_not_both_count(_: int) -> None:
    people.rita()
    plan = plan_stories.offered()
    services.send_feedback(plan.pk, by="rita", feedback="Shorter.")
    steps = tuple(steps_of(plan))
    at_once(
        plan,
        {
            "stop": lambda plan: services.stop(plan.pk, by="rita"),
            "offer": lambda plan: asking.offer(plan.pk, Draft(steps), based_on=1),
        },
    )
    plan = plan_stories.again(plan)
    assert plan.status == "stopped"
    assert not plan.turns.filter(status="pending").exists()
