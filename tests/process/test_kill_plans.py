"""kill -9 of the runner before every write of a run that works out a plan: enumerated.

While the plan is drawn up, revised, and between and inside its steps: nothing that people said or
changed is lost, no version stands twice, and no step is done twice. Claims, and the waits for an
action's gate, are enumerated in test_kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.contrib.auth.models import User

from approvals.models import ApprovalRequest
from ledger import runs, verify
from ledger.models import Event, Run
from plans import services
from plans.finding import steps_of
from plans.models import Plan
from plans.steps import AddStep, Step
from tests import people
from tests.driving import again
from tests.process.victim import Death, life, life_here

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

GOAL = "Write the monthly report"
ASKS = Step("", "Show it to a person", person=True, asks="Is it fit?")
LIVES = 16  # more than any run needs
LOOKS = {"claim_next", "claim_waiting", "take_decision"}  # these may find nothing to write
STEPS = ["Collect what belongs into the monthly report", "Write the monthly report", ASKS.title]


@pytest.fixture
def rita() -> User:
    people.gate("interactive")
    return people.rita()


class Story:
    """A run from its start to its end, with one death in it, and a person who works with it."""

    def __init__(
        self, rita: User, death: Death | None = None, live: Callable[..., Any] = life
    ) -> None:
        self.rita = rita
        self.death = death
        self.alive = True
        self.writes: list[str] = []
        self.run = runs.submit("interactive", GOAL)
        for _ in range(LIVES):
            killed, writes = live(self.death if self.alive else None, self.writes)
            self.writes += writes
            self.alive &= not killed
            if again(self.run).over:
                break
            self.take_turn()

    def take_turn(self) -> None:
        """What is to be done by a person now: each thing once."""
        plan = Plan.objects.filter(run=self.run).first()
        if plan is None:
            return
        for turn in plan.turns.filter(status="pending"):
            if turn.kind == "input":
                services.give_input(turn.pk, "It is.", by=self.rita)
            elif plan.messages.filter(kind="feedback").exists():
                services.accept(plan.pk, by=self.rita)
            else:
                said = {"feedback": "Two pages.", "changes": [AddStep(ASKS)]}
                services.send_feedback(plan.pk, by=self.rita, **said)  # type: ignore[arg-type]


def tell(rita: User, death: Death | None) -> Story:
    """Whoever died when: the run is completed, everything was done once."""
    story = Story(rita, death)
    run, at = again(story.run), str(death)
    assert run.status == Run.Status.COMPLETED, f"{at}: {run.status} {run.error}"
    plan = Plan.objects.get(run=run)
    assert (plan.status, plan.version) == ("completed", 3), at
    assert [step.title for step in steps_of(plan)] == STEPS, at
    assert "Heed: Two pages." in steps_of(plan)[1].does, at
    authors = list(plan.versions.values_list("author__username", flat=True))
    assert authors == [None, "rita", None], at
    tried = list(plan.tries.order_by("pk").values_list("identity", "attempt", "status"))
    assert tried == [("s1", 1, "done"), ("s2", 1, "done"), ("s3", 1, "done")], at
    said = list(plan.messages.values_list("kind", flat=True))
    assert said == ["feedback", "agent", "input"], at
    assert plan.tries.get(identity="s3").human_input == "It is.", at
    kinds = Counter(Event.objects.filter(run=run).values_list("kind", flat=True))
    for kind in ("plans.begun", "plans.completed", "runs.completed", "actions.finished"):
        assert kinds[kind] == 1, f"{at}: {kind}"
    assert kinds["plans.step_finished"] == 3, at
    assert ApprovalRequest.objects.filter(run=run).count() == 1, at
    assert story.alive == (death is None), f"{at}: nothing died"
    return story


def test_a_kill_at_any_write_loses_nothing_and_repeats_no_step(rita: User) -> None:
    Story(rita, live=life_here)
    clean = tell(rita, None)
    assert {"note_written", "ask", "suspend", "note_done", "start_action"} <= set(clean.writes)
    for write, count in Counter(clean.writes).items():
        for nth in range(1, count + 1) if write not in LOOKS else ():
            tell(rita, Death(write, nth, after=False))
    assert verify.verify().broken is None
