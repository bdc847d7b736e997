"""kill -9 of the runner before every write of a run that works out a plan: enumerated.

While the plan is drawn up, revised, and between and inside its steps: nothing that people said or
changed is lost, no version stands twice, and no step is done twice. Claims, and the waits for an
action's gate, are enumerated in test_kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.contrib.auth.models import User

from approvals.models import ApprovalRequest
from ledger import runs
from ledger.log import verify
from ledger.models import Event, Run
from plans import services
from plans.lookup import steps_of
from plans.models import Plan
from plans.versions.steps import AddStep, Step
from tests.process.victim import Death, Lives, LivesHere
from tests.support import people
from tests.support.driving import again

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
    """A run from its start to its end, with deaths in it, and a person who works with it."""

    def __init__(self, rita: User, lives: Lives) -> None:
        self.rita = rita
        self.run = runs.submit("interactive", GOAL)
        for _ in range(LIVES):
            lives.live()
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


def tell(rita: User, lives: Lives) -> None:
    """Whoever died when: the run is completed, everything was done once."""
    story = Story(rita, lives)
    run, at = again(story.run), str(lives)
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
    assert not lives.to_die, f"after {at}: {lives.to_die[0]}: nothing died"


def test_a_kill_at_any_write_loses_nothing_and_repeats_no_step(rita: User) -> None:
    Story(rita, LivesHere())
    lives = Lives()
    tell(rita, lives)
    assert {"note_written", "ask", "suspend", "note_done", "start_action"} <= set(lives.writes)
    of_the_run = [write for write in lives.writes if write not in LOOKS]
    for deaths in two_each(of_the_run):
        tell(rita, Lives(*deaths))
    assert verify.verify().broken is None


def two_each(writes: list[str]) -> Iterator[list[Death]]:
    """A death before each write, two in a story: half of its writes lie between them."""
    half = (len(writes) + 1) // 2
    for at in range(half):
        first = Death(writes[at], writes[: at + 1].count(writes[at]), after=False)
        if at + half == len(writes):
            yield [first]
            return
        later = writes[at + half]
        # One more of that name has begun by then if that is what the first one died at.
        number = writes[: at + half + 1].count(later) + (later == first.write)
        yield [first, Death(later, number, after=False)]
