"""Days are right where the reader is, on the days on which the clocks change too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures import ranges
from figures.ranges import make, midnight, zone_named
from figures.slots import WIDTHS, begins, cover, list_holding, quarter

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, 7, tzinfo=UTC)


def hours(range_: ranges.Range) -> list[float]:
    return [(step.end - step.start) / 4 for step in range_.steps]


# ---- Slots


@given(start=st.integers(-2_000, 2_000_000), length=st.integers(0, 20_000))
def test_slots_cover_a_stretch_exactly_once(start: int, length: int) -> None:
    covered = [
        number
        for level, first in cover(start, start + length)
        for number in range(first, first + WIDTHS[level])
    ]
    assert covered == list(range(start, start + length))


def test_ninety_days_are_few_slots() -> None:
    start = midnight(date(2026, 8, 25), ZoneInfo("Asia/Kathmandu"))
    assert len(list(cover(start, start + 90 * 96))) < 60


@given(number=st.integers(0, 3_000_000))
def test_a_quarter_is_in_one_slot_of_every_width(number: int) -> None:
    for level, start in list_holding(number):
        assert start <= number < start + WIDTHS[level]
        assert start % WIDTHS[level] == 0


# ---- Days


def test_every_midnight_is_a_quarter_of_an_hour_in_every_zone() -> None:
    for name in available_timezones():
        for day in (date(2026, 1, 15), date(2026, 7, 15)):
            local = begins(midnight(day, ZoneInfo(name))).astimezone(ZoneInfo(name))
            assert (local.date(), local.hour, local.minute) == (day, 0, 0), name


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("Africa/Cairo", date(2026, 4, 24), 23),  # there is no midnight
        ("Asia/Kolkata", date(2026, 11, 22), 24),
    ],
)
def test_a_day_is_as_long_as_it_is_there(zone: str, day: date, length: float) -> None:
    now = datetime.combine(day + timedelta(days=3), datetime.min.time(), UTC)
    found = make("own", now, ZoneInfo(zone), (day - timedelta(days=1), day + timedelta(days=1)))
    assert hours(found)[1] == length


def test_the_days_of_a_range_follow_each_other_without_a_gap() -> None:
    for name in ("Europe/Berlin", "Asia/Kathmandu", "America/Havana"):
        found = make("90d", NOON, ZoneInfo(name))
        assert len(found.steps) == 90
        for one, following in zip(found.steps, found.steps[1:], strict=False):
            assert one.end == following.start
        assert found.span[1] == quarter(NOON) + 1


def test_seven_days_are_today_and_the_six_before() -> None:
    found = make("7d", NOON, BERLIN)
    assert [step.label for step in found.steps][::6] == ["17 Nov", "23 Nov"]
    assert begins(found.span[0]) == datetime(2026, 11, 16, 23, tzinfo=UTC)


def test_an_evening_in_utc_is_the_next_day_further_east() -> None:
    late = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    assert make("7d", late, ZoneInfo("Asia/Tokyo")).last == date(2026, 11, 24)
    assert make("7d", late, UTC).last == date(2026, 11, 23)


def test_the_time_before_is_as_long_and_ends_at_the_same_time_of_day() -> None:
    found = make("7d", NOON, BERLIN)
    start, end = found.before
    assert begins(start) == datetime(2026, 11, 9, 23, tzinfo=UTC)
    assert begins(end) == datetime(2026, 11, 16, 12, 15, tzinfo=UTC)
    assert found.span[1] - found.span[0] == end - start


def test_the_time_before_keeps_the_time_of_day_over_a_change_of_the_clocks() -> None:
    now = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)  # 12:00 in Berlin, 11:00 a week before
    end = make("7d", now, BERLIN).before[1]
    assert begins(end - 1).astimezone(BERLIN).hour == 12


def test_twenty_four_hours_are_that() -> None:
    found = make("24h", NOON, BERLIN)
    assert sum(hours(found)) == 24
    assert found.before[1] == found.span[0]
    assert found.steps[0].label == "13:15"


# ---- Own ranges


def test_an_own_range_ends_today_at_the_latest_and_may_be_the_wrong_way_around() -> None:
    found = make("own", NOON, BERLIN, (date(2030, 1, 1), date(2026, 11, 20)))
    assert (found.first, found.last) == (date(2026, 11, 20), date(2026, 11, 23))
    later = make("own", NOON, BERLIN, (date(2030, 1, 1), date(2031, 1, 1)))
    assert (later.first, later.last) == (date(2026, 11, 23), date(2026, 11, 23))


@pytest.mark.parametrize(
    ("first", "unit", "steps"),
    [
        (date(2026, 11, 20), "hour", 24),
        (date(2026, 11, 19), "day", 2),
        (date(2026, 8, 21), "day", 92),
        (date(2025, 11, 21), "week", 53),
        (date(2023, 11, 21), "month", 37),
        (date(1900, 1, 1), "month", 121),
    ],
)
def test_the_steps_of_a_long_range_are_longer(first: date, unit: str, steps: int) -> None:
    found = make("own", NOON, BERLIN, (first, date(2026, 11, 20)))
    assert (found.unit, len(found.steps)) == (unit, steps)


def test_an_unknown_key_is_the_usual_range() -> None:
    assert make("nonsense", NOON, UTC).key == "7d"
    assert make("own", NOON, UTC).key == "7d"


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "Europe/Berlin\0", "/etc", "x" * 999]
)
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_named(name) is UTC


def test_a_known_zone_is_that_zone() -> None:
    assert zone_named("Europe/Berlin") == BERLIN
