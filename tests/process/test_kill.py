"""kill -9 of the runner before and after every write of a gated run: enumerated, not random.

What was approved is done, once. Where an action had a start and no result, the run is in doubt,
and nothing else puts it there.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from pytest_django import Settings

from approvals.models import ApprovalRequest
from ledger import runs
from ledger.log import verify
from ledger.models import Event, JournalEntry, Run
from tests.process.victim import WRITE, Lives, LivesHere, twice, verbs_of
from tests.support import people
from tests.support.driving import again, approve_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

ONE = "Write a short thank-you note to ana@example.org for her order 1042 and email it"
TWO = "Email a reminder to ana@example.org and email a reminder to bob@example.org"
LIVES = 12  # more than any run needs
LOOKS = {"claim_next", "claim_waiting", "take_decision"}  # these may find nothing to write
BETWEEN = {("start_action", True), ("finish_action", False)}  # the action's start and its result


@pytest.fixture
def rita(settings: Settings) -> User:
    settings.EMAIL_BACKEND = "hitl_agents.actions.eml_backend.EmlBackend"  # one file each
    people.gate("gated")
    return people.rita()


def letters() -> set[Path]:
    return set(Path(django_settings.HITL_MAIL_DIR).glob("*.eml"))


class Story:
    """A run from its start to its end, with deaths in it, and a person who decides."""

    def __init__(self, task: str, rita: User, lives: Lives) -> None:
        self.rita = rita
        self.letters_before = letters()
        self.run = runs.submit("gated", task)
        self.doubts: list[str] = []
        for _ in range(LIVES):
            lives.live()
            if self.decided().over:
                break

    @property
    def letters(self) -> int:
        return len(letters() - self.letters_before)

    def decided(self) -> Run:
        """The run, when the person has done what it asks for."""
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


def tell(task: str, rita: User, number: int, at: Lives) -> None:
    """Whoever died when: the run is completed, everything approved was done once."""
    story = Story(task, rita, at)
    run = again(story.run)
    assert run.status == "completed", f"{at}: {run.status} {run.error}"
    assert story.letters == number, f"{at}: {story.letters} letters"
    asked = Counter(ApprovalRequest.objects.filter(run=run).values_list("status", flat=True))
    assert asked == {"approved": number}, str(at)
    assert Event.objects.filter(run=run, kind="runs.completed").count() == 1, str(at)
    between = any((death.write, death.after) in BETWEEN for death in at.died)
    if not at.died:  # some steps only look, and how often they look is a matter of time
        assert at.to_die[0].write in LOOKS, f"{at.to_die[0]}: nothing died"
    if number == 1:
        assert bool(story.doubts) == between, f"{at}: {story.doubts}"
    elif between:  # with two, the other action may be under way at any write of this one
        assert story.doubts, f"{at}: not in doubt"


@pytest.mark.parametrize(("task", "number"), [(ONE, 1), (TWO, 2)])
def test_a_kill_at_any_write_loses_nothing_and_repeats_nothing(
    rita: User, task: str, number: int
) -> None:
    Story(task, rita, LivesHere())
    lives = Lives()
    clean = Story(task, rita, lives)
    assert clean.letters == number, "the clean pass does what the others are measured by"
    assert not clean.doubts
    wanted = {"claim_next", "claim_waiting", "ask", "suspend", "start_action", "finish_action"}
    assert wanted | {"note_done", "take_decision", "complete"} <= set(lives.writes)
    twice(lives.writes, functools.partial(tell, task, rita, number))
    assert verify.verify().broken is None


def test_every_function_that_writes_is_one_at_which_the_runner_is_killed() -> None:
    found = {name for module in WRITE for name in verbs_of(module)}
    assert {"ask", "note_done", "start_action", "finish_action", "add_late_evidence"} <= found
    assert {"claim_next", "suspend", "complete", "requeue", "fail", "doubt"} <= found
