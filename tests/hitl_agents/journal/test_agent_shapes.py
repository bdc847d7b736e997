"""Whatever asyncio an author writes around a wait: each effect once, each ends as it was meant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals import services
from approvals.models import ApprovalRequest
from ledger import runs
from ledger.log import verify
from ledger.models import JournalEntry, Run
from tests.support import people, sample_agents
from tests.support.driving import again, approve_all, asked_for, drive, driven, pending, until
from tests.support.sample_agents import EFFECTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def agents() -> Iterator[None]:
    EFFECTS.clear()
    with sample_agents.in_catalogue(*sample_agents.AGENTS):
        yield


@pytest.fixture
def rita() -> User:
    people.gate("shapes")
    return people.rita()


def approve(run: Run, what: str, by: User) -> Run:
    """Approve that, and drive the run as far as it goes."""
    services.approve(asked_for(run, what).pk, by=by)
    drive()
    return again(run)


def once(*effects: str) -> bool:
    """Whether exactly these effects happened, each once."""
    return dict(EFFECTS) == dict.fromkeys(effects, 1)


@pytest.mark.parametrize("agent", ["gathering", "grouping"])
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_gates_asked_together_are_decided_in_any_order(
    rita: User, agent: str, order: str
) -> None:
    run = driven(agent)
    assert run.status == "waiting"
    assert {request.details["what"] for request in pending(run)} == {"a", "b"}
    run = approve(run, order[0], rita)
    assert run.status == "waiting"
    assert once(order[0])
    run = approve(run, order[1], rita)
    assert run.status == "completed"
    assert run.result == ["a done", "b done"]
    assert once("a", "b")


@pytest.mark.parametrize("agent", ["gathering", "grouping"])
def test_two_gates_decided_at_once_each_act_once(rita: User, agent: str) -> None:
    run = driven(agent)
    approve_all(run, rita)
    drive()
    assert again(run).result == ["a done", "b done"]
    assert once("a", "b")


def test_lines_of_several_gates_each_go_on_by_themselves(rita: User) -> None:
    run = driven("two_lines")
    for what in ("a1", "a2", "b1", "a3", "b2", "b3"):
        assert run.status == "waiting"
        run = approve(run, what, rita)
    assert run.status == "completed"
    assert once("a1", "a2", "a3", "b1", "b2", "b3")


@pytest.mark.parametrize("agent", ["impatient", "timing_out"])
def test_a_decision_within_the_agents_own_time_limit_counts(rita: User, agent: str) -> None:
    run = runs.submit(agent, "30")
    decide = threading.Thread(target=approve_when_asked, args=(run, rita))
    decide.start()
    drive()
    decide.join()
    run = approve(run, "last", rita)
    assert run.status == "completed"
    assert run.result == ["wanted done", "last done"]
    assert once("wanted", "last")


def approve_when_asked(run: Run, rita: User) -> None:
    try:
        until(lambda: pending(run), "it asks")
        services.approve(pending(run)[0].pk, by=rita)
    finally:
        connection.close()


@pytest.mark.parametrize("agent", ["impatient", "timing_out"])
def test_when_the_agents_own_time_limit_has_passed_it_goes_another_way(
    rita: User, agent: str
) -> None:
    run = driven(agent, "0.2")
    assert run.status == "waiting"
    assert once("instead")
    services.approve(asked_for(run, "wanted").pk, by=rita)  # too late: the agent has gone on
    drive()
    assert once("instead")
    run = approve(run, "last", rita)
    assert run.status == "completed"
    assert run.result == ["instead done", "last done"]
    assert once("instead", "last")


def test_a_question_given_up_may_be_waited_for_again(rita: User) -> None:
    run = driven("trying_twice", "0.1")
    assert run.status == "waiting"
    services.approve(asked_for(run, "once").pk, by=rita)
    drive()
    assert again(run).result == "approved"
    assert once("reminder")


def test_an_action_in_finally_waits_for_the_decision(rita: User) -> None:
    run = driven("tidy")
    assert run.status == "waiting"
    assert once()
    run = approve(run, "wanted", rita)
    assert run.result == "wanted done"
    assert once("wanted", "tidied")


def test_finally_also_acts_once_when_a_person_says_no(rita: User) -> None:
    run = driven("tidy")
    services.reject(pending(run)[0].pk, by=rita, feedback="not today")
    drive()
    assert again(run).result == "not today"
    assert once("tidied")


def test_a_bare_except_does_not_see_the_wait(rita: User) -> None:
    run = driven("careless")
    assert run.status == "waiting"
    EFFECTS.clear()  # code outside the journal may have run
    run = approve(run, "wanted", rita)
    assert run.status == "completed"
    assert run.result == "wanted done"
    assert once("wanted")


def test_code_that_swallows_its_cancellation_still_waits(rita: User) -> None:
    run = driven("stubborn")
    assert run.status == "waiting"
    assert not EFFECTS["wanted"]
    assert not EFFECTS["instead"]
    run = approve(run, "wanted", rita)
    assert run.result == "wanted done"
    assert (EFFECTS["wanted"], EFFECTS["instead"]) == (1, 0)


def test_gather_with_return_exceptions_collects_what_its_author_raised(rita: User) -> None:
    run = driven("collecting")
    assert run.status == "waiting"
    run = approve(run, "b", rita)
    assert run.status == "waiting"
    run = approve(run, "a", rita)
    assert run.result == ["a done", "broken by its author", "b done"]
    assert once("a", "b")


def test_a_task_that_nobody_awaits_goes_on_beside_a_wait(rita: User) -> None:
    run = driven("forgetful")
    run = approve(run, "background", rita)
    assert run.status == "waiting"
    assert once("background")
    run = approve(run, "wanted", rita)
    assert run.status == "completed"
    assert once("background", "wanted")


def test_a_task_that_nobody_awaits_ends_with_the_run_and_its_question_is_cancelled(
    rita: User,
) -> None:
    run = driven("forgetful")
    run = approve(run, "wanted", rita)
    assert run.result == ["wanted done", False]
    assert once("wanted")
    assert ApprovalRequest.objects.get(run=run, status="cancelled").details["what"] == "background"


def test_an_action_under_way_is_finished_before_the_run_is_over(rita: User) -> None:
    run = driven("leaving")
    assert run.status == "completed"
    assert once("background")
    assert JournalEntry.objects.get(run=run, kind="action").status == "done"


@pytest.mark.parametrize("first", ["a", "b"])
def test_whichever_is_decided_first_counts_and_the_other_stays_dropped(
    rita: User, first: str
) -> None:
    run = driven("quick_first")
    other = asked_for(run, "b" if first == "a" else "a")
    run = approve(run, first, rita)
    assert run.status == "waiting"
    services.approve(other.pk, by=rita)
    drive()
    run = approve(run, "last", rita)
    assert run.result == [first, "last done"]
    assert once(first, "last")


@pytest.mark.parametrize("task", ["itself", "in a task of its own"])
def test_an_agent_that_exits_fails_its_run_and_not_the_runner(rita: User, task: str) -> None:
    run = driven("exiting", task)
    assert run.status == "failed"
    assert "SystemExit" in run.error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), ValueError("no")])
@pytest.mark.parametrize("agent", ["breaking_off", "breaking_off_in_a_group"])
def test_an_action_that_breaks_off_after_its_start_is_in_doubt_whatever_it_raises(
    rita: User, agent: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_agents, "RAISED", error)
    run = driven(agent)
    assert run.status == "in_doubt"
    assert EFFECTS == {"begun": 1}
    drive()  # and stays so: a runner is alive after it, and does nothing of it again
    assert (again(run).status, EFFECTS["begun"]) == ("in_doubt", 1)


def test_the_log_of_all_that_verifies(rita: User) -> None:
    run = driven("two_lines")
    while approve_all(run, rita):
        drive()
    assert again(run).status == "completed"
    assert verify.verify().broken is None
