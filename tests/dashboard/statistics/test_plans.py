"""Plans on the statistics page: rounds, edited steps, waiting against working; against a recount."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.models import ApprovalRequest
from figures import rollups
from ledger import transitions
from ledger.models import Event
from plans import asking, progress, services
from plans.models import Plan, PlanStep, PlanTurn, PlanVersion
from plans.versions.steps import AddStep, SetStep, Step
from plans.versions.storing import Draft
from tests.support import people
from tests.support.markup import as_shown
from tests.support.plan_stories import STEPS, again, begun

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 7, tzinfo=UTC)
TWO = STEPS[:2]


class Clock:
    """The time that rows, events and pages have."""

    now = NOW

    def pass_by(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found, head = Clock(), transitions._head
    monkeypatch.setattr(transitions, "_head", lambda: (*head()[:2], found.now))
    for module in ("asking", "progress", "services", "versions.storing"):
        monkeypatch.setattr(f"plans.{module}.now", lambda: found.now)
    for page in ("dashboard.statistics.views", "plans.figures"):
        monkeypatch.setattr(f"{page}.read_local_clock", lambda: found.now)
    return found


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def rows(client: Client, name: str, query: str = "range=24h") -> list[dict[str, Any]]:
    said = client.get(f"/statistics/{name}.json?{query}").json()["tables"]
    return [row for row in said[name]["rows"] if any(list(row.values())[1:])]


def tiles(client: Client, query: str = "range=24h") -> dict[str, tuple[str, str]]:
    text = html.unescape(as_shown(client.get(f"/statistics/?{query}").content.decode()))
    found = re.findall(
        r'<dt>([^<]+)</dt><dd><span class="big">([^<]+)</span><br><small>([^<]*)</small>', text
    )
    return {name: (figure, line.strip("\xa0")) for name, figure, line in found}


def proposed(clock: Clock, minutes: float = 2) -> Plan:
    plan = begun()
    clock.pass_by(minutes)
    asking.offer(plan.pk, Draft(TWO), based_on=0)
    return again(plan)


def revised(clock: Clock, plan: Plan, waited: float, worked: float) -> None:
    """Feedback after that time, and another version after that."""
    clock.pass_by(waited)
    services.send_feedback(plan.pk, by=people.rita(), feedback="Shorter.")
    clock.pass_by(worked)
    steps = [replace(step, id=f"s{n}") for n, step in enumerate(TWO, start=1)]
    asking.offer(plan.pk, Draft(tuple(steps)), based_on=again(plan).version)


def carried_out(clock: Clock, plan: Plan, minutes: float) -> None:
    """Every step, each in that time, to the plan's end."""
    while (todo := progress.next_for(plan.pk))["do"] == "step":
        clock.pass_by(minutes)
        progress.finish_step(plan.pk, todo["step"]["id"], todo["attempt"], "Done.")


def whole(clock: Clock) -> Plan:
    """Two rounds, one step of three edited and one added; 17 minutes waiting, 14 working."""
    plan = proposed(clock)  # 2 working
    revised(clock, plan, 10, 3)
    revised(clock, plan, 2, 3)
    clock.pass_by(5)
    edits = (SetStep(replace(TWO[0], id="s1", title="Fetch")), AddStep(Step("", "Say so")))
    services.accept(plan.pk, by=people.rita(), changes=edits)
    carried_out(clock, plan, 2)
    return again(plan)


# ---- What the page says


def test_rounds_edits_and_times_are_on_the_page(clock: Clock, rita: Client) -> None:
    assert whole(clock).status == "completed"
    found = tiles(rita)
    assert found["Rounds until acceptance"] == ("2.0", "1 plan accepted")
    assert found["Steps edited"] == ("66.7 %", "2 of 3")
    assert found["Plans waiting for people"] == ("54.8 %", "17 min against 14 min working")
    (rounds,) = rows(rita, "plan_rounds")
    assert (rounds["rounds"], rounds["accepted"]) == (2.0, 1)
    (edits,) = rows(rita, "plan_edits")
    assert (edits["edited_count"], edits["steps"]) == (2, 3)
    assert edits["edited_share"] == pytest.approx(2 / 3)
    (time,) = rows(rita, "plan_time")
    assert (time["waited_minutes"], time["worked_minutes"], time["ended"]) == (17, 14, 1)
    assert rows(rita, "plan_agents") == [
        {"agent": "interactive", "accepted": 1, "rounds": 2.0, "steps": 3,
         "edited_share": pytest.approx(2 / 3), "ended": 1, "waited_seconds": 1020.0,
         "worked_seconds": 840.0}
    ]  # fmt: skip


def test_each_has_a_chart_with_its_caption_and_its_table(clock: Clock, rita: Client) -> None:
    whole(clock)
    text = as_shown(rita.get("/statistics/?range=24h").content.decode())
    for name, words in (
        ("plan_rounds", "How often the agent made another version"),
        ("plan_edits", "the share that people had added or changed"),
        ("plan_time", "with something before people, and the rest"),
    ):
        figure = text.partition(f'id="figure-{name}"')[2].partition("</figure>")[0]
        assert words in figure
        assert f'data-draw="bars" data-from="table-{name}"' in figure
        assert f'<table class="plain" id="table-{name}">' in figure
        assert f"/statistics/{name}.csv?" in figure
        assert f"/statistics/{name}.json?" in figure
    assert "Plans by agent" in text


def test_the_time_before_is_compared_with(clock: Clock, rita: Client) -> None:
    whole(clock)
    clock.pass_by(24 * 60)
    plan = proposed(clock, 1)
    clock.pass_by(3)
    services.accept(plan.pk, by=people.rita())
    carried_out(clock, plan, 0)
    found = tiles(rita)
    assert found["Rounds until acceptance"] == ("0.0", "1 plan accepted; 2.0 before")
    assert found["Steps edited"] == ("0.0 %", "0 of 2; 66.7 points less")
    assert found["Plans waiting for people"][1].endswith("working; 20.2 points more")


def test_without_plans_nothing_is_said_of_them(rita: Client) -> None:
    people.asked()
    assert "Rounds until acceptance" not in tiles(rita)
    assert rita.get("/statistics/plan_rounds.json").status_code == 404


def test_a_page_of_another_pattern_or_thing_says_nothing_of_plans(
    clock: Clock, rita: Client
) -> None:
    whole(clock)
    for query in ("pattern=approvals", "agent=another", "risk=low", "reviewer=rita"):
        assert "Rounds until acceptance" not in tiles(rita, f"range=24h&{query}")
    for query in ("pattern=plans", "agent=interactive"):
        assert tiles(rita, f"range=24h&{query}")["Rounds until acceptance"][0] == "2.0"


def test_the_files_have_them(clock: Clock, rita: Client) -> None:
    whole(clock)
    text = rita.get("/statistics/plan_rounds.csv?range=24h").content.decode()
    assert [row["rounds"] for row in csv.DictReader(io.StringIO(text)) if row["rounds"]] == [
        "2.0000"
    ]
    everything = rita.get("/statistics/all.csv?range=24h").content.decode()
    assert "Minutes that plans waited and worked" in everything


# ---- What counts


def test_only_the_first_acceptance_counts(clock: Clock, rita: Client) -> None:
    plan = proposed(clock)
    services.accept(plan.pk, by=people.rita())
    services.edit(plan.pk, [AddStep(Step("", "One more"))], by=people.rita())
    services.accept(plan.pk, by=people.rita())
    assert tiles(rita)["Steps edited"] == ("0.0 %", "0 of 2")


def test_a_plan_that_is_stopped_or_fails_has_ended(clock: Clock, rita: Client) -> None:
    plan = proposed(clock)
    clock.pass_by(6)
    services.stop(plan.pk, by=people.rita())
    failed = begun()
    clock.pass_by(4)
    asking.fail(failed.pk, "No plan.")
    assert tiles(rita)["Plans waiting for people"] == ("50.0 %", "6.0 min against 6.0 min working")
    assert tiles(rita)["Rounds until acceptance"] == ("–", "")


def test_what_its_actions_wait_for_is_waiting_too_and_never_twice(
    clock: Clock, rita: Client
) -> None:
    run = people.a_run()
    plan = begun(run)
    asking.offer(plan.pk, Draft(TWO), based_on=0)
    services.accept(plan.pk, by=people.rita())
    for start, end in ((2, 6), (4, 8)):  # minutes: together from 2 to 8
        asked = people.asked(run)
        span = {
            "created_at": NOW + timedelta(minutes=start),
            "resolved_at": NOW + timedelta(minutes=end),
        }
        ApprovalRequest.objects.filter(pk=asked.pk).update(**span)
    carried_out(clock, plan, 5)
    (time,) = rows(rita, "plan_time")
    assert (time["waited_minutes"], time["worked_minutes"]) == (6, 4)


def test_events_from_before_they_said_so_count_nothing(clock: Clock, rita: Client) -> None:
    transitions.record("plans.accepted", "plans.plan:1", actor="user:rita", version=1)
    transitions.record("plans.completed", "plans.plan:1", actor="agent:interactive")
    assert "Rounds until acceptance" not in tiles(rita)


# ---- Recounted from the rows, in the simplest words


def recounted(plan: Plan) -> tuple[int, int, int, float, float]:
    """Rounds, edited, steps; minutes waiting and working, of a plan without a run."""
    accepted, versions = plan.first_accepted_at, PlanVersion.objects.filter(plan=plan)
    rounds = edited = steps = 0
    if accepted is not None:
        until = list(versions.filter(created_at__lte=accepted).order_by("number"))
        at = versions.get(accepted_at=accepted).number
        until = [version for version in until if version.number <= at]
        rounds = sum(version.author_id is None for version in until) - 1
        before: dict[str, Any] = {}
        touched = set()
        for version in until:
            found = PlanStep.objects.filter(version=version)
            now = {step.identity: (step.title, step.does) for step in found}
            if version.author_id is not None:
                touched |= {one for one, words in now.items() if before.get(one) != words}
            before = now
        edited, steps = len(touched & set(before)), len(before)
    if plan.finished_at is None:
        return rounds, edited, steps, 0, 0
    minutes = set()
    for turn in PlanTurn.objects.filter(plan=plan):
        start, end = turn.created_at, turn.resolved_at or plan.finished_at
        minutes |= set(range((start - NOW) // MINUTE, (end - NOW) // MINUTE))
    life = (plan.finished_at - plan.created_at) / MINUTE
    return rounds, edited, steps, len(minutes), life - len(minutes)


MINUTE = timedelta(minutes=1)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "revise", "edit", "add", "accept", "work", "stop", "fail"]),
        st.integers(0, 2),  # which plan
        st.integers(0, 40),  # minutes before it
    ),
    max_size=25,
)


def do(clock: Clock, deed: str, plan: Plan) -> None:
    """The deed, if the plan is such that it can be done."""
    rita, plan = people.rita(), again(plan)
    new, other = Step("", f"Added to {plan.version}"), Step("s1", f"Step in version {plan.version}")
    deeds: dict[str, tuple[bool, Callable[[], object]]] = {
        "revise": (_awaits(plan), lambda: revised(clock, plan, 7, 2)),
        "edit": (_awaits(plan), lambda: services.edit(plan.pk, [SetStep(other)], by=rita)),
        "add": (_awaits(plan), lambda: services.edit(plan.pk, [AddStep(new)], by=rita)),
        "accept": (_awaits(plan), lambda: services.accept(plan.pk, by=rita)),
        "work": (plan.status in Plan.RUNS, lambda: carried_out(clock, plan, 3)),
        "stop": (not plan.over, lambda: services.stop(plan.pk, by=rita)),
        "fail": (not plan.over, lambda: asking.fail(plan.pk, "It failed.")),
    }
    can, act = deeds[deed]
    if can:
        act()


def _awaits(plan: Plan) -> bool:
    return plan.status == "awaiting_feedback"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(DEEDS, st.integers(0, 60))
def test_the_tables_are_what_the_rows_say(
    clock: Clock, rita: Client, deeds: list[tuple[str, int, int]], piece: int
) -> None:
    with transaction.atomic():
        clock.now = NOW
        plans: list[Plan] = []
        for deed, which, minutes in deeds:
            clock.pass_by(minutes)
            if deed == "begin" or not plans:
                plans.append(proposed(clock, 1))
            else:
                do(clock, deed, plans[which % len(plans)])
        if piece:
            rollups.roll_up(piece)
        query = "range=own&from=2026-11-23&to=2026-11-24"
        clock.now = NOW + timedelta(days=3)
        found = [recounted(again(plan)) for plan in plans]
        sums = [sum(each) for each in zip(*found, strict=True)] or [0] * 5
        assert summed(rita, query) == pytest.approx(sums)
        transaction.set_rollback(True)


def summed(client: Client, query: str) -> list[float]:
    said = client.get(f"/statistics/all.json?{query}").json()["tables"]
    if "plan_agents" not in said:
        return [0] * 5
    rounds = sum((row["rounds"] or 0) * row["accepted"] for row in said["plan_rounds"]["rows"])
    edits, times = said["plan_edits"]["rows"], said["plan_time"]["rows"]
    return [
        rounds,
        sum(row["edited_count"] for row in edits),
        sum(row["steps"] for row in edits),
        sum(row["waited_minutes"] or 0 for row in times),
        sum(row["worked_minutes"] or 0 for row in times),
    ]


# ---- At scale


def test_it_costs_as_many_queries_with_many_plans_as_with_one(clock: Clock, rita: Client) -> None:
    def counted(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert rita.get(address).status_code == 200
        return len(queries)

    addresses = ("/statistics/?range=24h", "/plans/")
    whole(clock)
    rollups.catch_up(10)
    [counted(address) for address in addresses]
    before = [counted(address) for address in addresses]
    for _ in range(4):
        whole(clock)
    rollups.catch_up(10)
    assert Event.objects.newest() == rollups.progress().last
    assert [counted(address) for address in addresses] == before
