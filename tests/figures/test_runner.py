"""The runner keeps the figures up, and an idle one asks the database nothing for it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from figures import rollups
from figures.models import RollUp
from hitl_agents.context.run_context import RunContext
from hitl_agents.runner import noticing
from hitl_agents.runner.polling import Found, Looks
from ledger import runs
from ledger.models import Event
from tests.support import people, sample_agents
from tests.support.driving import RunnerInThread, again, drive, until

pytestmark = pytest.mark.django_db(transaction=True)


async def quick(task: str, context: RunContext) -> str:
    """Is done at once."""
    return task


def decided() -> None:
    gate = people.gate("mail", risk_threshold="critical")
    people.asked(gate=gate)


def counted() -> bool:
    return rollups.progress().last == Event.objects.newest() > 0


def test_a_runner_counts_what_is_in_the_log() -> None:
    decided()
    drive()
    assert RollUp.objects.filter(dimension="rule", value="mail", level=0).count() == 1


def test_a_runner_at_work_counts_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "TICK", 0.02)
    with RunnerInThread():
        decided()
        until(counted, "the log is counted")


def test_an_idle_runner_does_not_look_whether_there_is_anything_to_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    made: list[Looks] = []
    look = Looks.look

    def catch_up(seconds: float) -> bool:
        asked.append(seconds)
        return True

    def counted_look(self: Looks, within: float) -> Found:
        made.append(self)
        return look(self, within)

    monkeypatch.setattr(noticing, "TICK", 0.02)
    monkeypatch.setattr(rollups, "catch_up", catch_up)
    monkeypatch.setattr(Looks, "look", counted_look)
    with RunnerInThread():
        until(lambda: len(made) > 5, "some looks have passed")
    assert len(asked) == 1  # when it began


@pytest.mark.parametrize("error", [DatabaseError("away"), ValueError("a bug of ours")])
def test_a_runner_goes_on_although_the_figures_cannot_be_counted(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seconds: float) -> bool:
        raise error

    monkeypatch.setattr(rollups, "catch_up", fail)
    with sample_agents.in_catalogue(quick):
        run = runs.submit("quick", "do it")
        drive()
    assert again(run).status == "completed"
