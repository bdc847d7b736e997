"""kill -9 of the runner before and after every write of a gated run: enumerated, not random.

What was approved is done, once. Where an action had a start and no result, the run is in doubt,
and nothing else puts it there.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from pytest_django import Settings

from agents import entries
from approvals.models import ApprovalRequest
from ledger import leases, runs, verify
from ledger.models import Event, JournalEntry, Run
from tests import people
from tests.driving import again, approve_all
from tests.process.victim import Death, life, verbs_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

ONE = "Write a short thank-you note to ana@example.org for her order 1042 and email it"
TWO = "Email a reminder to ana@example.org and email a reminder to bob@example.org"
LIVES = 12  # more than any run needs
BETWEEN = {("start_action", True), ("finish_action", False)}  # the action's start and its result


@pytest.fixture
def rita(settings: Settings) -> User:
    settings.HITL_LEASE_SECONDS = 0.3
    settings.EMAIL_BACKEND = "agents.eml_backend.EmlBackend"  # one file each
    people.gate("gated")
    return people.rita()


def letters() -> set[Path]:
    return set(Path(django_settings.HITL_MAIL_DIR).glob("*.eml"))


class Story:
    """A run from its start to its end, with one death in it, and a person who decides."""

    def __init__(self, task: str, rita: User, death: Death | None = None) -> None:
        self.rita = rita
        self.alive = True
        self.death = death
        self.letters_before = letters()
        self.run = runs.submit("gated", task)
        self.writes: list[str] = []
        self.doubts: list[str] = []
        for _ in range(LIVES):
            if self.live().over:
                break

    @property
    def letters(self) -> int:
        return len(letters() - self.letters_before)

    @property
    def last_breath(self) -> tuple[str, bool]:
        """At which write it died, and whether after it."""
        assert self.death is not None
        return self.writes[self.death.write - 1], self.death.after

    def live(self) -> Run:
        killed, writes = life(self.death if self.alive else None, len(self.writes))
        self.writes += writes
        self.alive &= not killed
        approve_all(self.run, self.rita)
        run = again(self.run)
        if run.status == "in_doubt":
            self.resolve(run)
        return again(self.run)

    def resolve(self, run: Run) -> None:
        """The person looks whether the letter is there, and says so."""
        doubt = run.doubt or {}
        self.doubts.append(doubt["kind"])
        entry = JournalEntry.objects.get(pk=doubt["entry"])
        to = json.loads(entry.input)["to"].encode()
        there = any(b"To: " + to in path.read_bytes() for path in letters() - self.letters_before)
        runs.resolve_doubt(
            run.pk, "ran" if there else "did_not_run", by=self.rita, note="I looked at the mail."
        )


def tell(task: str, rita: User, death: Death, number: int) -> Story:
    """Whatever died when: the run is completed, everything approved was done once."""
    story = Story(task, rita, death)
    run, at = again(story.run), str(death)
    assert run.status == "completed", f"{at}: {run.status} {run.error}"
    assert story.letters == number, f"{at}: {story.letters} letters"
    asked = Counter(ApprovalRequest.objects.filter(run=run).values_list("status", flat=True))
    assert asked == {"approved": number}, at
    assert Event.objects.filter(run=run, kind="runs.completed").count() == 1, at
    if story.alive:
        assert not story.doubts, f"{at}: in doubt, but nothing died"
    elif number == 1:  # with two, the other action may be under way at any write of this one
        assert bool(story.doubts) == (story.last_breath in BETWEEN), f"{at}: {story.doubts}"
    elif story.last_breath in BETWEEN:
        assert story.doubts, f"{at}: not in doubt"
    return story


@pytest.mark.parametrize(("task", "number"), [(ONE, 1), (TWO, 2)])
def test_a_kill_at_any_write_loses_nothing_and_repeats_nothing(
    rita: User, task: str, number: int
) -> None:
    clean = Story(task, rita)
    assert clean.letters == number, "the clean pass does what the others are measured by"
    assert not clean.doubts
    wanted = {"claim_next", "claim_waiting", "ask", "suspend", "start_action", "finish_action"}
    assert wanted | {"note_done", "take_decision", "complete"} <= set(clean.writes)
    died: set[tuple[str, bool]] = set()
    for write in itertools.count(1):
        stories = [tell(task, rita, Death(write, after), number) for after in (False, True)]
        died |= {story.last_breath for story in stories if not story.alive}
        if any(story.alive for story in stories):
            break  # one came to its end before: concurrent steps may need a write more or less
    assert died >= set(itertools.product(clean.writes, (False, True)))
    assert verify.verify().broken is None


def test_every_function_that_writes_is_one_at_which_the_runner_is_killed() -> None:
    found = {*verbs_of(entries), *verbs_of(leases)}
    assert {"ask", "note_done", "start_action", "finish_action", "late_evidence"} <= found
    assert {"claim_next", "suspend", "complete", "requeue", "fail", "doubt"} <= found
