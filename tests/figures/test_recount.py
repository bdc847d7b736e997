"""Roll-ups and the rest of the log, however they were made, are what a plain recount finds."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals import deadlines, services
from approvals.models import ApprovalRequest
from figures import looking, reading, rollups
from figures.looking import Reading
from figures.numbers import COUNTS, Numbers
from figures.reading import Wanted
from ledger import transitions
from ledger.models import Event
from tests.support import people

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 3, 28, 21, 50, tzinfo=UTC)
DIMENSIONS = ("", "agent", "risk", "type", "reviewer", "rule")
WHOLE = (0, 4_000_000)  # quarters: until 2084
STEPS = ("approve", "reject", "revise", "edit", "expire", "cancel", "look", "read")


class Clock:
    """The time that events get."""

    def __init__(self) -> None:
        self.now = BEGIN

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found, head = Clock(), transitions._head
    monkeypatch.setattr(transitions, "_head", lambda: (*head()[:2], found.now))
    return found


# ---- The plain recount: every event, one after the other, in the simplest words


class Plain:
    """Counts, and the times themselves."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
        self.times: defaultdict[str, list[float]] = defaultdict(list)


def recount(start: datetime | None = None, end: datetime | None = None) -> dict[Any, Plain]:
    """The figures between two times, from the log alone."""
    asked: dict[str, tuple[Event, dict[str, Any]]] = {}
    looked: set[str] = set()
    found: defaultdict[Any, Plain] = defaultdict(Plain)
    for event in Event.objects.filter(kind__startswith="approvals.").order_by("id"):
        if event.kind == "approvals.asked":
            asked[event.subject] = (event, event.payload)
        again = event.kind == "approvals.looked" and event.subject in looked
        if event.kind == "approvals.looked":
            looked.add(event.subject)
        if again or not (start or event.at) <= event.at < (end or event.at + timedelta(1)):
            continue
        columns, times, about = one(event, *asked[event.subject])
        for key in [("", ""), *about.items()] if columns else ():
            for each in columns:
                found["approvals", *key].counts[each] += 1
            for name, seconds in times.items():
                found["approvals", *key].times[name].append(seconds)
    return found


def one(
    event: Event, first: Event, said: dict[str, Any]
) -> tuple[list[str], dict[str, float], dict[str, str]]:
    """What one event counts as, how long things took by it, and what it is about."""
    data, (source, _, name) = event.payload, event.actor.partition(":")
    took = (event.at - first.at).total_seconds()
    about = {"agent": first.actor[6:], "risk": said["risk"], "type": said["action"]}
    person = {"reviewer": name} if source == "user" else {}
    if event.kind == "approvals.looked":
        return ["looks"], {"to_look": took}, about | person
    if event.kind == "approvals.read":
        return read(data), {"pace": data["seconds"] * 1000 / data["characters"]}, person
    columns = meaning(event.kind, data, source)
    if columns == ["cancelled"]:
        return columns, {}, about
    if columns == ["automatic"]:
        return columns, {}, about | {"rule": name}
    return columns, {"to_decision": took} if person else {}, about | person


def meaning(kind: str, data: dict[str, Any], source: str) -> list[str]:
    if kind == "approvals.cancelled":
        return ["cancelled"]
    if source == "deadline":
        return ["timed_out"]
    if kind == "approvals.approved" and source == "rule":
        return ["automatic"]
    if data.get("by") == "edited":
        return ["changed"] if kind == "approvals.revision_requested" else []
    words = {"approved": "approved", "rejected": "rejected", "revision_requested": "revision"}
    word = words.get(kind.partition(".")[2])
    return [word] if word else []


def read(data: dict[str, Any]) -> list[str]:
    seconds = data["seconds"]
    bins = {2: "open_2", 10: "open_10", 60: "open_60", 300: "open_300", math.inf: "open_longer"}
    column = next(name for end, name in bins.items() if seconds < end)
    return [column, "read_whole"] if data["seen"] >= 0.99 else [column]


# ---- What people and time do


def do(step: str, number: int, clock: Clock) -> None:
    """One thing that happens to one of the requests; what is refused has not happened."""
    rows = list(ApprovalRequest.objects.order_by("pk"))
    if not rows:
        return
    row = rows[number % len(rows)]
    by = people.rita() if number % 3 else people.person("sam", "Reviewers")
    try:
        if step == "expire":
            ApprovalRequest.objects.filter(pk=row.pk, status="pending").update(
                deadline=datetime(2020, 1, 1, tzinfo=UTC)
            )
            deadlines.expire(row.pk)
        elif step == "cancel":
            services.cancel(row.pk, actor="user:olga")
        elif step == "look":
            looking.note_look(row.subject, by=by)
        elif step == "read":
            looking.read(row.subject, Reading(number / 7, (number % 5) / 4, 80 + number), by=by)
        elif step == "edit":
            services.edit_and_approve(row.pk, by=by, details={"to": f"{number}@example.org"})
        else:
            verb = {"approve": services.approve, "reject": services.reject}
            verb.get(step, services.request_revision)(row.pk, by=by, feedback="So.")
    except transitions.Refused:
        return


def ask(number: int) -> None:
    people.asked(
        agent_id=("shop", "desk")[number % 2],
        action=("tell", "pay", "=1+1")[number % 3],
        risk_level=("low", "medium", "high")[number % 3],
    )


class Killed(Exception):
    """What a kill in the middle of a roll-up looks like from within."""


def killed_while_rolling_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll-up that dies after it has written everything, before its commit."""

    def die(found: Any) -> None:
        add(found)
        raise Killed

    if not rollups.behind(rollups.progress(), Event.objects.newest()):
        return
    add = rollups._add
    with monkeypatch.context() as patch:
        patch.setattr(rollups, "_add", die)
        with pytest.raises(Killed):
            rollups.roll_up()


# ---- The comparison


def assert_same(found: dict[Any, Numbers], plain: dict[Any, Plain]) -> None:
    counted = {key: numbers for key, numbers in found.items() if numbers != Numbers()}
    assert counted.keys() == plain.keys()
    for key, numbers in counted.items():
        assert {name: numbers[name] for name in COUNTS} == plain[key].counts, key
        for name in ("to_look", "to_decision", "pace"):
            times = sorted(plain[key].times[name])
            for share in (0.5, 0.95) if times else ():
                exact = times[math.ceil(share * len(times)) - 1]
                shown = numbers.percentile(name, share)
                assert shown is not None
                assert abs(shown - exact) <= max(0.02 * exact, 0.001), (key, name, share)
            if not times:
                assert numbers.percentile(name, 0.5) is None


def figures(*span: int) -> dict[Any, Numbers]:
    wanted = Wanted([span or WHOLE], ["approvals"], DIMENSIONS)  # type: ignore[list-item]
    return reading.read(wanted).figures[0][0]


MOMENTS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 30)),
    st.tuples(st.sampled_from(STEPS), st.integers(0, 60)),
    st.tuples(st.just("wait"), st.integers(1, 300_000)),
    st.tuples(st.just("roll up"), st.integers(1, 12)),
    st.tuples(st.just("kill"), st.just(0)),
)
HAPPENED = st.lists(MOMENTS, min_size=1, max_size=30)


@pytest.fixture(autouse=True)
def _gate() -> None:
    people.gate("mail", risk_threshold="medium")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(happened=HAPPENED, start=st.integers(-8, 400), length=st.integers(0, 2_000))
def test_roll_ups_and_the_rest_equal_a_plain_recount(
    happened: list[tuple[str, int]],
    start: int,
    length: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with transaction.atomic():
        clock.now = BEGIN
        for step, number in happened:
            if step == "ask":
                ask(number)
            elif step == "wait":
                clock.pass_by(number)
            elif step == "roll up":
                rollups.roll_up(piece=number)
            elif step == "kill":
                killed_while_rolling_up(monkeypatch)
            else:
                do(step, number, clock)
        assert_same(figures(), recount())
        first = int(BEGIN.timestamp()) // 900 + start
        span = [datetime.fromtimestamp(at * 900, UTC) for at in (first, first + length)]
        assert_same(figures(first, first + length), recount(*span))
        transaction.set_rollback(True)


def test_counting_again_changes_nothing(clock: Clock) -> None:
    for number in range(12):
        ask(number)
        clock.pass_by(500)
        do("approve", number, clock)
    assert rollups.catch_up(5)
    before = figures()
    assert not rollups.roll_up()
    assert figures() == before
    assert_same(before, recount())
