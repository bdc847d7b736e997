"""kill -9 of the runner before and after every write of a run whose outputs are reviewed.

An output that is rejected is tried again, once; the next is approved at the last moment, when the
time for it is up and the run has not noted that yet. In the other story nobody answers in time,
and the approval that comes then is too late. No output is offered twice.
"""

from __future__ import annotations

import functools
from collections import Counter
from datetime import timedelta
from typing import Any

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.contrib.auth.models import User

from ledger import runs
from ledger.clock import now
from ledger.log import verify
from ledger.models import Event, JournalEntry, Run
from reviews import services
from reviews.models import ReviewItem
from tests.process.victim import Lives, LivesHere, twice
from tests.support import people
from tests.support.driving import again

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

TASK = "Write a note on the walnut desk organiser"
WHY = "Mention the price of 40 euros."
HOUR = {"timeout": 3600}
LIVES = 12  # more than any run needs
CLAIMS = {"claim_next", "claim_waiting", "_decided_of"}  # enumerated in test_kill


@pytest.fixture
def rita() -> User:
    return people.rita()


class Story:
    """A run from its start to its end, with deaths in it, and a person who reviews."""

    def __init__(self, rita: User, lives: Lives) -> None:
        self.rita = rita
        self.run = runs.submit("reviewed", TASK, input=HOUR)
        for _ in range(LIVES):
            lives.live()
            if again(self.run).over:
                break
            for item in ReviewItem.objects.filter(run=self.run, status="pending"):
                self.somebody_acts(item)
        self.tell(str(lives))

    def somebody_acts(self, item: ReviewItem) -> None:
        raise NotImplementedError

    def tell(self, at: str) -> None:
        raise NotImplementedError

    def time_is_up(self) -> None:
        """The run's wait is over, and the run is to be woken."""
        over = now() - timedelta(seconds=1)
        for entry in JournalEntry.objects.filter(run=self.run, kind="wait", finished_at=None):
            entry.result = {**(entry.result or {}), "until": over.isoformat()}
            entry.save()
        Run.objects.filter(pk=self.run.pk, wake_at__isnull=False).update(wake_at=over)

    def asked_once(self, tries: int, at: str) -> Any:
        """The result, when the run is completed and each try was written and offered once."""
        run = again(self.run)
        assert run.status == "completed", f"{at}: {run.status} {run.error}"
        assert run.journal.filter(kind="model").count() == tries, at
        kinds = Counter(Event.objects.filter(run=run).values_list("kind", flat=True))
        assert (kinds["reviews.added"], kinds["runs.completed"]) == (tries, 1), f"{at}: {kinds}"
        return run.result


class Answered(Story):
    """Rejected, tried again, approved when the time is up and before that is noted."""

    def somebody_acts(self, item: ReviewItem) -> None:
        if item.attempt == 1:
            services.reject(item.pk, by=self.rita, feedback=WHY)
            return
        self.time_is_up()
        services.approve(item.pk, by=self.rita)

    def tell(self, at: str) -> None:
        result = self.asked_once(2, at)
        first, second = ReviewItem.objects.filter(run=self.run).order_by("pk")
        assert (first.status, second.status) == ("rejected", "approved"), at
        assert (second.previous_id, second.attempt) == (first.pk, 2), at
        assert "40 euros" in second.content, at
        assert None not in (first.delivered_at, second.delivered_at), at
        assert (result["decision"], result["content"]) == ("approved", second.content), at
        decided = [(each["review"], each["decision"]) for each in result["tries"]]
        assert decided == [(first.pk, "rejected"), (second.pk, "approved")], at
        delivered = Event.objects.filter(run=self.run, kind="reviews.delivered")
        assert delivered.count() == 2, at


class Left(Story):
    """Nobody answers in time; somebody approves when the run has noted that."""

    def somebody_acts(self, item: ReviewItem) -> None:
        if JournalEntry.objects.filter(run=self.run, kind="wait", status="done").exists():
            services.approve(item.pk, by=self.rita)
        else:
            self.time_is_up()

    def tell(self, at: str) -> None:
        result = self.asked_once(1, at)
        item = ReviewItem.objects.get(run=self.run)
        assert result == {"status": "timeout", "review_id": item.pk, "tries": []}, at
        assert item.status in ("pending", "approved"), at


@pytest.mark.parametrize("story", [Answered, Left])
def test_a_kill_at_any_write_loses_no_review_and_offers_nothing_twice(
    rita: User, story: type[Story]
) -> None:
    story(rita, LivesHere())
    lives = Lives()
    story(rita, lives)
    wanted = {"claim_next", "note_done", "ask", "begin_wait", "end_wait", "suspend", "complete"}
    assert wanted <= set(lives.writes)
    of_the_run = [write for write in lives.writes if write not in CLAIMS]
    twice(of_the_run, functools.partial(story, rita))
    assert verify.verify().broken is None
