"""The database's clock: what decides about deadlines is read where the rows are."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from approvals.models import ApprovalRequest
from ledger import clock
from ledger.clock import DbNow, compute_end, now, read_local_clock
from tests.support.people import asked, otto

pytestmark = pytest.mark.django_db


def by_database() -> datetime:
    otto()
    found = User.objects.values_list(DbNow(), flat=True).first()
    assert isinstance(found, datetime)
    return found


def test_it_is_the_time_to_the_millisecond() -> None:
    before = timezone.now()
    found = by_database()
    assert before - timedelta(milliseconds=1) <= found <= now() + timedelta(milliseconds=2)


def test_it_goes_on_within_a_transaction() -> None:
    otto()
    with transaction.atomic():
        first = by_database()
        end = timezone.now() + timedelta(milliseconds=5)
        while timezone.now() < end:
            pass
        assert by_database() > first


@pytest.mark.parametrize("microsecond", [0, 1, 123_000, 123_001, 123_999, 999_999])
def test_a_deadline_is_over_when_its_time_has_come_whatever_its_fraction(microsecond: int) -> None:
    request = asked()
    past = (now() - timedelta(seconds=1)).replace(microsecond=microsecond)
    future = (now() + timedelta(seconds=100)).replace(microsecond=microsecond)
    for deadline, is_open in ((past, False), (future, True)):
        ApprovalRequest.objects.filter(pk=request.pk).update(deadline=deadline)
        assert ApprovalRequest.objects.open().exists() == is_open
        assert ApprovalRequest.objects.overdue().exists() != is_open


def test_it_never_lags_behind_so_that_nothing_is_decided_after_its_deadline() -> None:
    request = asked()
    for _ in range(200):
        ApprovalRequest.objects.filter(pk=request.pk).update(deadline=now())
        assert not ApprovalRequest.objects.open().exists()


def test_later_is_later() -> None:
    assert 59 < (compute_end(60) - now()).total_seconds() <= 60


def test_the_time_shown_follows_a_server_in_another_time_and_no_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "_ahead", timedelta(hours=1))
    assert (read_local_clock() - timezone.now()).total_seconds() > 3599
    now()
    if connection.vendor == "postgresql":
        assert clock._ahead == timedelta(0)
