"""Stretches of days as people mean them: in their own zone, each with its steps and the time before.

A day is from midnight to midnight where the reader is, so that one with a change of the clocks
has 23 or 25 hours. Everything is cut at quarters of an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from figures.slots import begins, quarter

DAY = timedelta(days=1)
HOURS = 24
BY_DAY, BY_WEEK = 92, 731  # days, up to which a step is a day or a week; beyond, a month
LONGEST = 3_660  # days
KNOWN = {
    "24h": ("24 hours", 1),
    "7d": ("7 days", 7),
    "30d": ("30 days", 30),
    "90d": ("90 days", 90),
}
USUAL = "7d"
OWN = "own"


@dataclass(frozen=True)
class Step:
    """A part of a range that is one bar or one row: quarters of an hour from `start` up to `end`."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Range:
    """What the figures are of. `before`: the time before it that is as long."""

    key: str
    title: str
    unit: str  # what a step is: hour, day, week or month
    steps: tuple[Step, ...]
    before: tuple[int, int]
    first: date
    last: date

    @property
    def span(self) -> tuple[int, int]:
        """The quarters of an hour from the first up to the last."""
        return self.steps[0].start, self.steps[-1].end


def zone_named(name: str) -> tzinfo:
    """The zone of that name; UTC for one that this computer does not know."""
    try:
        return ZoneInfo(name[:64])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def midnight(day: date, zone: tzinfo) -> int:
    """The quarter of an hour with which a day begins there.

    Where the clocks are put forward at midnight it is the moment they are; where midnight comes
    twice it is the first.
    """
    return quarter(datetime.combine(day, time(), zone))


def make(key: str, now: datetime, zone: tzinfo, own: tuple[date, date] | None = None) -> Range:
    """The range of that key, up to now; `own`: the first and last day of an own one."""
    if key == OWN and own is not None:
        return _make_own(now, zone, *own)
    if key not in KNOWN:
        key = USUAL
    title, days = KNOWN[key]
    if days == 1:
        return _hours(key, title, now, zone)
    today = now.astimezone(zone).date()
    return _days(key, title, now, zone, today - (days - 1) * DAY, today)


def _hours(key: str, title: str, now: datetime, zone: tzinfo) -> Range:
    """Exactly so many hours, the quarter of an hour that is going on included."""
    end = quarter(now) + 1
    start = end - 4 * HOURS
    steps = tuple(_split_hours(start, end, zone))
    days = [begins(at).astimezone(zone).date() for at in (start, end - 1)]
    return Range(key, title, "hour", steps, (start - 4 * HOURS, start), days[0], days[1])


def _make_own(now: datetime, zone: tzinfo, first: date, last: date) -> Range:
    today = now.astimezone(zone).date()
    first, last = min(first, last, today), min(max(first, last), today)
    first = max(first, last - LONGEST * DAY)
    return _days(OWN, "Own range", now, zone, first, last)


def _days(key: str, title: str, now: datetime, zone: tzinfo, first: date, last: date) -> Range:
    count = (last - first).days + 1
    local = now.astimezone(zone)
    if last == local.date():
        # As far into the last day as now, or a morning would be compared with a whole day.
        earlier = datetime.combine(last - count * DAY, local.time(), zone)
        end, before_end = quarter(now) + 1, quarter(earlier) + 1
    else:
        end, before_end = midnight(last + DAY, zone), midnight(first, zone)
    before = (midnight(first - count * DAY, zone), before_end)
    unit = _unit(count)
    if unit == "hour":
        steps = tuple(_split_hours(midnight(first, zone), end, zone))
    else:
        steps = tuple(_steps(unit, first, last, end, zone))
    return Range(key, title, unit, steps, before, first, last)


def _unit(days: int) -> str:
    if days == 1:
        return "hour"
    return "day" if days <= BY_DAY else "week" if days <= BY_WEEK else "month"


def _split_hours(start: int, end: int, zone: tzinfo) -> Iterator[Step]:
    for at in range(start, end, 4):
        yield Step(f"{begins(at).astimezone(zone):%H:%M}", at, min(at + 4, end))


def _steps(unit: str, first: date, last: date, end: int, zone: tzinfo) -> Iterator[Step]:
    for day, following in pairwise([*_starts(unit, first, last), last + DAY]):
        label = f"{day:%b %Y}" if unit == "month" else f"{day.day} {day:%b}"
        if unit == "week":
            label = f"{label} {day.year}"
        yield Step(label, midnight(day, zone), min(midnight(following, zone), end))


def _starts(unit: str, first: date, last: date) -> Iterator[date]:
    """The days with which steps begin: the first, then each day, Monday, or first of a month."""
    day = first
    while day <= last:
        if day == first or _begins(unit, day):
            yield day
        day += DAY


def _begins(unit: str, day: date) -> bool:
    return unit == "day" or (day.weekday() == 0 if unit == "week" else day.day == 1)
