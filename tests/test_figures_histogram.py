"""Times in histograms: at most 2 % off, however many there are, and small when stored."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from figures import histogram
from figures.histogram import BUCKETS, RATIO, SHORTEST, bucket, counts, of, packed, unpacked, value

TEN_YEARS = 315_360_000.0
TIMES = st.floats(SHORTEST, TEN_YEARS)


def together(times: list[float]) -> int:
    return sum(map(of, times))


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
    found = histogram.percentile(together(times), share)
    assert found is not None
    assert abs(found - exact) <= 0.02 * exact


@given(one=st.lists(TIMES, max_size=40), other=st.lists(TIMES, max_size=40))
def test_adding_two_is_the_histogram_of_both(one: list[float], other: list[float]) -> None:
    assert together(one) + together(other) == together([*one, *other])
    assert sum(counts(together([*one, *other]))) == len(one) + len(other)


@given(times=st.lists(TIMES, max_size=60), often=st.integers(1, 1_000_000))
def test_what_is_stored_comes_back(times: list[float], often: int) -> None:
    whole = together(times) * often
    assert unpacked(packed(whole)) == whole
    assert unpacked(memoryview(packed(whole))) == whole


def test_few_times_are_few_bytes_and_many_are_no_more_than_the_buckets() -> None:
    assert packed(0) == b""
    assert len(packed(together([0.5, 3600.0, 86_400.0]))) <= 19
    every = together([value(number) for number in range(1, BUCKETS)])
    assert len(packed(every * 1000)) <= 4 * BUCKETS + 3


def test_nothing_timed_has_no_percentile() -> None:
    assert histogram.percentile(0, 0.5) is None
