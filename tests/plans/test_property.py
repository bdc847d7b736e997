"""Two people and an agent do with a plan whatever they like, in any order.

However it goes: what was begun never changes, only what was accepted is carried out, every
version stays as it was, and a plan that is over stays over.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from ledger.errors import BadInput, Refused
from plans import asking, progress, services
from plans.lookup import steps_of
from plans.models import Plan
from plans.versions.difference import is_material
from plans.versions.steps import AddStep, Change, DeleteStep, MoveStep, SetStep, Step
from plans.versions.storing import Draft
from tests.support import people, plan_stories

TITLES = st.sampled_from(["Write", "write", "The write.", "Send", "Collect", "Ask Ana"])
PICK = st.integers(0, 5)
PEOPLE = st.sampled_from(["rita", "sam"])
OLD = st.booleans()  # whether the page that acts shows the version before


class Together(RuleBasedStateMachine):
    """`begun` has each step as it was when it began, `agreed` the steps that a person accepted."""

    def __init__(self) -> None:
        super().__init__()
        people.rita(), plan_stories.sam()
        self.plan = plan_stories.offered(None, Step("", "Collect"), Step("", "Write"))
        self.versions: dict[int, list[Step]] = {}
        self.begun: dict[str, Step] = {}
        self.running: tuple[str, int] | None = None
        self.agreed: list[Step] = []
        self.over: tuple[str, int] | None = None
        self.note()

    # ---- Two people

    @rule(by=PEOPLE, kind=st.sampled_from("sadmu"), at=PICK, title=TITLES, old=OLD)
    def edit(self, by: str, kind: str, at: int, title: str, old: bool) -> None:
        change = self.change(kind, at, title)
        self.attempt(services.edit, [change], by=by, version=self.shown(old))

    def change(self, kind: str, at: int, title: str) -> Change:
        steps = steps_of(self.plan)
        step = steps[at % len(steps)]
        found: dict[str, Change] = {
            "s": SetStep(Step(step.id, title)),
            "a": AddStep(Step("", title, person=at == 0, asks="What?")),
            "d": DeleteStep(step.id),
            "m": MoveStep(step.id, 1),
            "u": MoveStep(step.id, -1),
        }
        return found[kind]

    @rule(by=PEOPLE, old=OLD)
    def feedback(self, by: str, old: bool) -> None:
        self.attempt(services.send_feedback, by=by, feedback="Else.", version=self.shown(old))

    @rule(by=PEOPLE, old=OLD)
    def accept(self, by: str, old: bool) -> None:
        if self.attempt(services.accept, by=by, version=self.shown(old)):
            self.agreed = steps_of(self.plan)
            assert not old, "an outdated version was accepted"

    @rule(by=PEOPLE, at=PICK)
    def stop(self, by: str, at: int) -> None:
        if at == 0:
            self.attempt(services.stop, by=by)

    @rule(by=PEOPLE)
    def answer(self, by: str) -> None:
        for turn in self.plan.turns.filter(status="pending"):
            if turn.kind == "input":
                services.give_input(turn.pk, "Blue.", by=by)
            elif turn.kind == "failed":
                services.retry(turn.pk, by=by)
        self.note()

    # ---- The agent

    @rule(order=st.permutations(range(4)), drop=PICK, at=PICK, title=TITLES)
    def revise(self, order: list[int], drop: int, at: int, title: str) -> None:
        steps = steps_of(self.plan)
        given = [steps[n] for n in order if n < len(steps) and n != drop]
        given.insert(at, Step("", title))
        given = [Step(one.id, title) if n == at else one for n, one in enumerate(given)]
        asking.offer(self.plan.pk, Draft(tuple(given)), based_on=self.plan.version)
        self.note()

    @precondition(lambda self: self.running is None)
    @rule()
    def go_on(self) -> None:
        was = self.plan.status
        wanted = progress.next_for(self.plan.pk)
        if wanted["do"] == "input":
            progress.ask_input(self.plan.pk, wanted["step"]["id"])
            self.begins(wanted["step"]["id"])
        elif wanted["do"] == "step":
            assert was in Plan.RUNS, was
            self.begins(wanted["step"]["id"])
            self.running = (wanted["step"]["id"], wanted["attempt"])
        self.note()

    def begins(self, name: str) -> None:
        """What begins is what was accepted, but for its wording."""
        plan = plan_stories.again(self.plan)
        steps = steps_of(plan, plan.accepted_version)
        assert not is_material(self.agreed, steps)
        self.begun[name] = next(step for step in steps if step.id == name)

    @precondition(lambda self: self.running is not None)
    @rule(well=st.booleans())
    def end(self, well: bool) -> None:
        assert self.running is not None
        name, attempt = self.running
        if well:
            progress.finish_step(self.plan.pk, name, attempt, "done")
        else:
            progress.fail_step(self.plan.pk, name, attempt, "It did not work.")
            del self.begun[name]  # free to be changed again
        self.running = None
        self.note()

    # ---- What always holds

    def attempt(self, verb: Any, *args: Any, **given: Any) -> bool:
        """Whether it counted; a refusal changes nothing."""
        before = self.everything()
        try:
            verb(self.plan.pk, *args, **given)
        except (Refused, BadInput):
            assert self.everything() == before
            return False
        finally:
            self.note()
        return True

    def shown(self, old: bool) -> int:
        return self.plan.version - old

    def everything(self) -> Any:
        plan = plan_stories.again(self.plan)
        said = list(plan.messages.values_list("pk", "text"))
        return plan.status, plan.version, plan.steps_made, said, list(plan.turns.values())

    def note(self) -> None:
        self.plan = plan_stories.again(self.plan)
        self.versions.setdefault(self.plan.version, steps_of(self.plan))

    @invariant()
    def every_version_stays_as_it_was(self) -> None:
        numbers = list(self.plan.versions.values_list("number", flat=True))
        assert numbers == list(range(1, self.plan.version + 1))
        for number, steps in self.versions.items():
            assert steps_of(self.plan, number) == steps

    @invariant()
    def what_was_begun_never_changes(self) -> None:
        now = {step.id: step for step in steps_of(self.plan)}
        assert {name: now.get(name) for name in self.begun} == self.begun

    @invariant()
    def no_step_is_done_twice(self) -> None:
        done = list(self.plan.tries.filter(status="done").values_list("identity", flat=True))
        assert len(done) == len(set(done))

    @invariant()
    def what_may_run_is_what_was_accepted(self) -> None:
        if self.plan.status in Plan.RUNS:
            assert self.plan.accepted_version == self.plan.version

    @invariant()
    def it_is_the_peoples_turn_exactly_when_somebody_waits(self) -> None:
        pending = self.plan.turns.filter(status="pending")
        if self.plan.status == "awaiting_feedback":
            assert pending.filter(kind="feedback").count() == 1
        elif self.plan.over:
            assert not pending.exists()
        else:
            assert not pending.filter(kind="feedback").exists()

    @invariant()
    def what_is_over_stays_over(self) -> None:
        if self.over is not None:
            assert (self.plan.status, self.plan.version) == self.over
        elif self.plan.over:
            self.over = (self.plan.status, self.plan.version)


@pytest.mark.django_db
def test_whatever_two_people_and_the_agent_do() -> None:
    run_machine(
        Together,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
