"""Times in histograms: at most 2 % off, however many there are, and small when stored."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.histogram import BUCKETS, FEW, RATIO, SHORTEST, Times, bucket, value

TEN_YEARS = 315_360_000.0
TIMES = st.floats(SHORTEST, TEN_YEARS)


def together(times: list[float]) -> Times:
    found = Times()
    for seconds in times:
        found.take(seconds)
    return found


def sum_of(*all_of: Times) -> Times:
    found = Times()
    for each in all_of:
        found.add(each)
    return found


@given(seconds=TIMES)
def test_a_time_is_at_most_two_percent_off(seconds: float) -> None:
    assert abs(value(bucket(seconds)) - seconds) <= 0.02 * seconds


def test_both_ends_of_every_bucket_are_at_most_two_percent_off() -> None:
    for number in range(1, BUCKETS - 1):
        begin = SHORTEST * RATIO ** (number - 1)
        for seconds in (begin * 1.0000001, begin * RATIO * 0.9999999):
            assert bucket(seconds) == number
            assert abs(value(number) - seconds) <= 0.02 * seconds


def test_what_is_shorter_than_a_millisecond_is_a_millisecond_off_at_most() -> None:
    assert bucket(0) == bucket(-5) == bucket(0.0009) == 0
    assert value(0) == 0.0005


def test_what_is_longer_than_ten_years_counts_as_that() -> None:
    assert bucket(1e12) == BUCKETS - 1
    assert value(BUCKETS - 1) > TEN_YEARS


@given(times=st.lists(TIMES, min_size=1, max_size=80), share=st.floats(0.01, 1))
def test_a_percentile_is_at_most_two_percent_off(times: list[float], share: float) -> None:
    exact = sorted(times)[max(1, math.ceil(share * len(times))) - 1]
    found = together(times).percentile(share)
    assert found is not None
    assert abs(found - exact) <= 0.02 * exact


@given(one=st.lists(TIMES, max_size=80), other=st.lists(TIMES, max_size=40))
def test_adding_two_is_the_histogram_of_both(one: list[float], other: list[float]) -> None:
    both = together([*one, *other])
    assert sum_of(together(one), together(other)).counts == both.counts
    stored = Times()
    stored.add_packed(together(one).pack())
    stored.add_packed(memoryview(together(other).pack()))
    assert stored.counts == both.counts
    assert stored.pack() == both.pack()
    assert sum(both.counts.values()) == len(one) + len(other)


@given(times=st.lists(TIMES, min_size=1, max_size=60), doubled=st.integers(0, 18))
def test_what_is_stored_comes_back_however_often_it_was_added(
    times: list[float], doubled: int
) -> None:
    whole = together(times)
    for _ in range(doubled):
        whole.add(whole)
    back = Times()
    back.add_packed(whole.pack())
    assert back.counts == whole.counts
    assert sum(back.counts.values()) == len(times) * 2**doubled


def test_few_times_are_few_bytes_and_many_are_no_more_than_the_buckets() -> None:
    assert Times().pack() == b""
    assert len(together([0.5, 3600.0, 86_400.0]).pack()) <= 19
    every = together([value(number) for number in range(1, BUCKETS)] * 10)
    assert len(every.pack()) <= BUCKETS + 3


@pytest.mark.parametrize(("most", "size"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_a_bucket_is_stored_with_as_many_bytes_as_the_fullest_takes(most: int, size: int) -> None:
    buckets = range(40, 40 + FEW + 1)
    whole = together([value(number) for number in buckets])
    one = together([value(number) for number in buckets[:1]])
    for _ in range(most - 1):
        whole.add(one)
    assert len(whole.pack()) == 3 + size * len(buckets)
    back = Times()
    back.add_packed(whole.pack())
    assert back.counts == dict.fromkeys(buckets, 1) | {buckets[0]: most}


def test_nothing_timed_has_no_percentile() -> None:
    assert Times().percentile(0.5) is None
