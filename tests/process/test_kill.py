"""kill -9 of the runner before and after every write of a gated run: enumerated, not random.

What was approved is done, once. Where an action had a start and no result, the run is in doubt,
and nothing else puts it there.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from pytest_django import Settings

from approvals.models import ApprovalRequest
from ledger import runs, verify
from ledger.models import Event, JournalEntry, Run
from tests import people
from tests.driving import again, approve_all
from tests.process.victim import WRITE, Death, life, life_here, verbs_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

ONE = "Write a short thank-you note to ana@example.org for her order 1042 and email it"
TWO = "Email a reminder to ana@example.org and email a reminder to bob@example.org"
LIVES = 12  # more than any run needs
LOOKS = {"claim_next", "claim_waiting", "take_decision"}  # these may find nothing to write
BETWEEN = {("start_action", True), ("finish_action", False)}  # the action's start and its result


@pytest.fixture
def rita(settings: Settings) -> User:
    settings.EMAIL_BACKEND = "agents.eml_backend.EmlBackend"  # one file each
    people.gate("gated")
    return people.rita()


def letters() -> set[Path]:
    return set(Path(django_settings.HITL_MAIL_DIR).glob("*.eml"))


class Story:
    """A run from its start to its end, with one death in it, and a person who decides."""

    def __init__(
        self, task: str, rita: User, death: Death | None = None, live: Callable[..., Any] = life
    ) -> None:
        self.life = live
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

    def live(self) -> Run:
        killed, writes = self.life(self.death if self.alive else None, self.writes)
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


def tell(task: str, rita: User, death: Death, number: int) -> None:
    """Whatever died when: the run is completed, everything approved was done once."""
    story = Story(task, rita, death)
    run, at = again(story.run), str(death)
    assert run.status == "completed", f"{at}: {run.status} {run.error}"
    assert story.letters == number, f"{at}: {story.letters} letters"
    asked = Counter(ApprovalRequest.objects.filter(run=run).values_list("status", flat=True))
    assert asked == {"approved": number}, at
    assert Event.objects.filter(run=run, kind="runs.completed").count() == 1, at
    between = (death.write, death.after) in BETWEEN
    if story.alive:  # some steps only look, and how often they look is a matter of time
        assert death.write in LOOKS, f"{at}: nothing died"
        assert not story.doubts, f"{at}: in doubt, but nothing died"
    elif number == 1:  # with two, the other action may be under way at any write of this one
        assert bool(story.doubts) == between, f"{at}: {story.doubts}"
    elif between:
        assert story.doubts, f"{at}: not in doubt"


@pytest.mark.parametrize(("task", "number"), [(ONE, 1), (TWO, 2)])
def test_a_kill_at_any_write_loses_nothing_and_repeats_nothing(
    rita: User, task: str, number: int
) -> None:
    Story(task, rita, live=life_here)
    clean = Story(task, rita)
    assert clean.letters == number, "the clean pass does what the others are measured by"
    assert not clean.doubts
    wanted = {"claim_next", "claim_waiting", "ask", "suspend", "start_action", "finish_action"}
    assert wanted | {"note_done", "take_decision", "complete"} <= set(clean.writes)
    for write, count in Counter(clean.writes).items():
        for nth, after in itertools.product(range(1, count + 1), (False, True)):
            tell(task, rita, Death(write, nth, after), number)
    assert verify.verify().broken is None


def test_every_function_that_writes_is_one_at_which_the_runner_is_killed() -> None:
    found = {name for module in WRITE for name in verbs_of(module)}
    assert {"ask", "note_done", "start_action", "finish_action", "late_evidence"} <= found
    assert {"claim_next", "suspend", "complete", "requeue", "fail", "doubt"} <= found
