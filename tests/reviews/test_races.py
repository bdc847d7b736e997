"""Everybody at the queue at once: no output decided twice, none lost, none in two hands."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection

from ledger.errors import AlreadyDecided
from ledger.log.verify import verify
from ledger.models import Event
from reviews import claims, services
from reviews.models import ReviewItem
from tests.approvals.test_races import at_once
from tests.support import people
from tests.support.reviewing import added

pytestmark = pytest.mark.django_db(transaction=True)

ITEMS = 200


def test_two_reviewers_at_the_queue_decide_every_item_once_and_lose_none() -> None:
    reviewers = [people.person(name, "Reviewers") for name in ("rita", "sam")]
    items = [added(content=f"Output {n}").pk for n in range(ITEMS)]
    handed: dict[str, list[int]] = {user.username: [] for user in reviewers}
    start = threading.Barrier(len(reviewers), timeout=50)

    def work(place: int) -> None:
        user = reviewers[place]
        start.wait()
        while (item := claims.take_next(user)) is not None:
            handed[user.username].append(item.pk)
            if len(handed[user.username]) == 1:
                start.wait()  # on a busy machine one might do all of it alone
            if len(handed[user.username]) % 3:
                services.approve(item.pk, by=user, digest=item.digest)
            else:
                services.reject(item.pk, by=user, feedback="No.", digest=item.digest)

    at_once(lambda: work(0), lambda: work(1))
    assert Counter(handed["rita"] + handed["sam"]) == Counter(items)  # each in one hand, once
    assert not ReviewItem.objects.filter(status="pending").exists()
    kinds = ("reviews.approved", "reviews.rejected")
    decided = Event.objects.filter(kind__in=kinds).values_list("subject", flat=True)
    assert Counter(decided) == Counter(f"reviews.reviewitem:{pk}" for pk in items)
    assert min(map(len, handed.values())) > 0
    verify()


def test_of_eight_verdicts_on_one_item_one_wins_and_all_others_are_told() -> None:
    names = [f"reviewer{n}" for n in range(8)]
    for name in names:
        people.person(name, "Reviewers")
    item = added()
    told: dict[str, str] = {}
    start = threading.Barrier(len(names), timeout=50)

    def decide(name: str, number: int) -> None:
        start.wait()
        try:
            if number % 3 == 0:
                services.approve(item.pk, by=name, digest=item.digest)
            elif number % 3 == 1:
                services.reject(item.pk, by=name, feedback="No.", digest=item.digest)
            else:
                services.correct(item.pk, by=name, content=name, digest=item.digest)
            told[name] = "won"
        except AlreadyDecided as lost:
            told[name] = str(lost)

    at_once(*(lambda n=name, i=i: decide(n, i) for i, name in enumerate(names)))
    winner = services.find_by_id(item.pk).reviewer
    assert winner is not None
    assert [name for name in names if told[name] == "won"] == [winner.username]
    assert all(told[name].startswith(winner.username) for name in names if told[name] != "won")


def test_one_item_at_the_queue_is_handed_to_one_of_eight() -> None:
    users = [people.person(f"reviewer{n}", "Reviewers") for n in range(8)]
    item = added()
    got: list[str] = []
    start = threading.Barrier(len(users), timeout=50)

    def take(place: int) -> None:
        start.wait()
        if claims.take_next(users[place]) is not None:
            got.append(users[place].username)
        connection.close()

    at_once(*(lambda place=place: take(place) for place in range(8)))
    holder = services.find_by_id(item.pk).claimed_by
    assert holder is not None
    assert got == [holder.username]
    assert Event.objects.filter(kind="reviews.claimed").count() == 1
