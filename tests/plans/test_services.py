"""The verbs of plans: their state tables, what each does, who is refused, who loses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ledger import runs
from ledger.errors import AlreadyDecided, BadInput, IllegalMove, NotAllowed, Stale, UnknownId
from ledger.models import Event, Run
from ledger.transitions import move
from plans import asking, lookup, progress, services
from plans.lookup import steps_of
from plans.models import Plan, PlanStatus, PlanTurn, StepRun, StepStatus, TurnStatus
from plans.versions.difference import difference, is_material
from plans.versions.steps import AddStep, DeleteStep, MoveStep, SetStep, Step
from plans.versions.storing import Draft
from tests.support import people, plan_stories
from tests.support.people import a_run, rita
from tests.support.plan_stories import STEPS, again, offered, sam

pytestmark = pytest.mark.django_db


def kinds(plan: Plan) -> list[str]:
    """What the log says happened to the plan itself."""
    return list(Event.objects.filter(subject=plan.subject).values_list("kind", flat=True))


def reworded(step: Step, title: str) -> SetStep:
    return SetStep(Step(step.id, title, step.does, step.actions, step.risk))


# ---- The tables


@pytest.mark.parametrize(("was", "to"), list(itertools.product(PlanStatus, PlanStatus)))
def test_a_plan_moves_along_its_arrows_only(was: PlanStatus, to: PlanStatus) -> None:
    plan = plan_stories.begun()
    Plan.objects.filter(pk=plan.pk).update(status=was)
    plan = again(plan)
    if to in Plan.MOVES.get(was, set()):
        move(plan, to, kind="plans.tested", actor="system")
        assert again(plan).status == to
    else:
        with pytest.raises(IllegalMove):
            move(plan, to, kind="plans.tested", actor="system")
        assert again(plan).status == was


@pytest.mark.parametrize(("was", "to"), list(itertools.product(TurnStatus, TurnStatus)))
def test_a_turn_moves_along_its_arrows_only(was: TurnStatus, to: TurnStatus) -> None:
    turn = plan_stories.turn(offered())
    PlanTurn.objects.filter(pk=turn.pk).update(status=was)
    turn.refresh_from_db()
    allowed = to in PlanTurn.MOVES.get(was, set())
    if allowed:
        move(turn, to, kind="plans.tested", actor="system")
    else:
        with pytest.raises(IllegalMove):
            move(turn, to, kind="plans.tested", actor="system")


@pytest.mark.parametrize(("was", "to"), list(itertools.product(StepStatus, StepStatus)))
def test_a_try_moves_along_its_arrows_only(was: StepStatus, to: StepStatus) -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    StepRun.objects.update(status=was)
    found = StepRun.objects.get()
    if to in StepRun.MOVES.get(was, set()):
        move(found, to, kind="plans.tested", actor="system")
    else:
        with pytest.raises(IllegalMove):
            move(found, to, kind="plans.tested", actor="system")


# ---- The agent draws it up


def test_a_version_is_put_before_people() -> None:
    plan = offered()
    assert (plan.status, plan.version, plan.risk_level) == ("awaiting_feedback", 1, "medium")
    assert [step.id for step in steps_of(plan)] == ["s1", "s2", "s3", "s4"]
    turn = plan_stories.turn(plan)
    assert (turn.kind, turn.version, turn.risk_rank) == ("feedback", 1, 2)
    assert kinds(plan) == ["plans.begun", "plans.proposed"]


def test_a_version_on_top_of_another_than_the_current_does_not_count() -> None:
    plan = offered()
    services.send_feedback(plan.pk, by=rita(), feedback="Shorter.")
    turn = asking.offer(plan.pk, Draft(STEPS), based_on=0)
    assert (turn.outcome, again(plan).version) == ("moot", 1)


def test_a_revision_keeps_identities_and_gives_new_steps_new_ones() -> None:
    plan = offered()
    services.send_feedback(plan.pk, by=rita(), feedback="Another order.")
    first, second, *_ = steps_of(plan)
    given = (second, Step("", "New"), Step("s99", "Made up"), first, second)
    asking.offer(plan.pk, Draft(given, explanation="As you said."), based_on=1)
    assert [step.id for step in steps_of(again(plan))] == ["s2", "s5", "s6", "s1", "s7"]


def test_a_revision_cannot_touch_what_is_begun() -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    services.send_feedback(plan.pk, by=rita(), feedback="Another order.")
    given = (Step("s4", "Email it"), Step("s1", "Something else"))
    asking.offer(plan.pk, Draft(given), based_on=1)
    found = steps_of(again(plan))
    assert [(step.id, step.title) for step in found] == [
        ("s1", "Collect the figures"),
        ("s4", "Email it"),
    ]


def test_a_revision_in_other_words_needs_no_new_acceptance() -> None:
    plan = plan_stories.accepted()
    services.send_feedback(plan.pk, by=rita(), feedback="Mind your commas.")
    given = [Step(**{**step.serialize(), "title": f"{step.title}."}) for step in steps_of(plan)]
    given = [Step(**{**step.serialize(), "actions": tuple(step.actions)}) for step in given]
    turn = asking.offer(plan.pk, Draft(tuple(given)), based_on=1)
    plan = again(plan)
    assert (plan.status, plan.accepted_version, turn.outcome) == ("accepted", 2, "moot")


def test_a_plan_that_failed_has_no_open_turn_and_says_what_the_model_said() -> None:
    plan = offered()
    asking.fail(plan.pk, "It has no steps.", "Well.\0")
    plan = again(plan)
    assert (plan.status, plan.error, plan.text) == ("failed", "It has no steps.", "Well.\ufffd")
    assert not plan.turns.filter(status="pending").exists()
    assert asking.fail(plan.pk, "Again.") == "failed"
    assert again(plan).error == "It has no steps."


# ---- People change it


def test_each_change_is_a_version_by_its_author() -> None:
    plan = offered()
    services.edit(plan.pk, [DeleteStep("s1"), MoveStep("s4", -1)], by=rita(), version=1)
    plan = again(plan)
    assert (plan.version, [step.id for step in steps_of(plan)]) == (2, ["s2", "s4", "s3"])
    version = lookup.version_of(plan)
    assert version.author == rita()
    assert (
        version.explanation
        == "deleted “Collect the figures”; moved “Email it to ana@example.org” up"
    )


def test_what_changes_nothing_makes_no_version() -> None:
    plan = offered()
    services.edit(plan.pk, [SetStep(steps_of(plan)[0])], by=rita(), version=1)
    assert again(plan).version == 1


def test_a_deleted_steps_name_is_never_given_again() -> None:
    plan = offered()
    services.edit(plan.pk, [DeleteStep("s4")], by=rita())
    services.edit(plan.pk, [AddStep(Step("", "New"))], by=rita())
    assert steps_of(again(plan))[-1].id == "s5"


def test_a_step_has_at_least_the_risk_of_its_actions() -> None:
    plan = offered()
    services.edit(plan.pk, [AddStep(Step("", "Mail", actions=("send_email",)))], by=rita())
    step = steps_of(again(plan))[-1]
    assert (step.risk, step.undoable) == ("medium", False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (AddStep(Step("", " ")), "title"),
        (AddStep(Step("", "x" * 201)), "title"),
        (AddStep(Step("", "x", does="y" * 4_001)), "does"),
        (AddStep(Step("", "x", risk="huge")), "risk"),
        (AddStep(Step("", "x", actions=("launch",))), "actions"),
        (SetStep(Step("s9", "x")), "steps"),
        (DeleteStep("s9"), "steps"),
        (MoveStep("s1", -1), "steps"),
        (MoveStep("s4", 1), "steps"),
    ],
)
def test_what_is_wrong_with_a_change_is_named_and_nothing_is_stored(
    change: Any, field: str
) -> None:
    plan = offered()
    with pytest.raises(BadInput) as refusal:
        services.edit(plan.pk, [DeleteStep("s2"), change], by=rita())
    assert refusal.value.field.endswith(field)
    assert again(plan).version == 1


def test_the_last_step_cannot_be_deleted() -> None:
    plan = offered(None, Step("", "Only"))
    with pytest.raises(BadInput, match="at least one step"):
        services.edit(plan.pk, [DeleteStep("s1")], by=rita())


@pytest.mark.parametrize("change", [DeleteStep("s1"), SetStep(Step("s1", "x")), MoveStep("s2", -1)])
def test_a_step_that_is_begun_is_locked(change: Any) -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    with pytest.raises(BadInput):
        services.edit(plan.pk, [change], by=rita())


def test_nobody_changes_a_plan_that_the_agent_revises() -> None:
    plan = offered()
    services.send_feedback(plan.pk, by=rita(), feedback="Shorter.")
    with pytest.raises(AlreadyDecided, match="revising"):
        services.edit(plan.pk, [DeleteStep("s1")], by=sam())


def test_an_outdated_page_is_told_and_changes_nothing() -> None:
    plan = offered()
    services.edit(plan.pk, [DeleteStep("s1")], by=sam(), version=1)
    for verb in (services.send_feedback, services.accept):
        with pytest.raises(Stale) as refusal:
            verb(plan.pk, by=rita(), version=1)
        assert refusal.value.http_status == 412
    with pytest.raises(Stale):
        services.edit(plan.pk, [DeleteStep("s2")], by=rita(), version=1)
    assert (again(plan).status, again(plan).version) == ("awaiting_feedback", 2)


# ---- After the acceptance


def test_other_words_count_at_once_after_the_acceptance() -> None:
    plan = plan_stories.accepted()
    services.edit(plan.pk, [reworded(steps_of(plan)[0], "Please collect figures.")], by=sam())
    plan = again(plan)
    assert (plan.status, plan.version, plan.accepted_version) == ("accepted", 2, 2)
    assert not lookup.version_of(plan).material


@pytest.mark.parametrize(
    "change",
    [
        DeleteStep("s3"),
        AddStep(Step("", "New")),
        MoveStep("s4", -1),
        SetStep(Step("s1", "Collect the figures", "Read orders and no refunds.")),
        SetStep(Step("s1", "Collect the figures", "Read orders and refunds.", risk="high")),
    ],
)
def test_anything_more_asks_for_acceptance_again(change: Any) -> None:
    plan = plan_stories.accepted()
    services.edit(plan.pk, [change], by=rita())
    plan = again(plan)
    assert (plan.status, plan.accepted_version) == ("awaiting_feedback", 1)
    assert plan_stories.turn(plan).version == 2
    assert progress.next_for(plan.pk)["do"] == "ask"
    services.accept(plan.pk, by=sam(), version=2)
    assert again(plan).accepted_version == 2


@pytest.mark.parametrize(
    ("before", "after", "material"),
    [
        ("Send 50.00 to Ana", "send 50.00 to Ana.", False),
        ("Send 50.00 to Ana", "Send 5000 to Ana", True),
        ("Send it", "Do not send it", True),
        ("Send it", "“Send” the it!", False),
        ("Pay -5", "Pay 5", True),
        ("To ana@example.org", "To ana@example.com", True),
        ("Write .5 pages", "Write 5 pages", True),
    ],
)
def test_what_is_wording_and_what_is_not(before: str, after: str, material: bool) -> None:
    assert is_material([Step("s1", before)], [Step("s1", after)]) == material


def test_a_difference_goes_by_identity_not_by_position() -> None:
    one, two, three = Step("s1", "One"), Step("s2", "Two"), Step("s3", "Three")
    found = difference([one, two, three], [three, one, Step("s2", "2"), Step("s4", "Four")])
    assert [(each.step.id, each.kind, each.moved) for each in found] == [
        ("s3", "moved", True),
        ("s1", "same", False),
        ("s2", "changed", False),
        ("s4", "added", False),
    ]
    gone = difference([one, two], [two])
    assert [(each.step.id, each.kind) for each in gone] == [("s2", "same"), ("s1", "removed")]


# ---- Turns


def test_feedback_without_words_needs_a_change() -> None:
    plan = offered()
    with pytest.raises(BadInput, match="Say what should be different"):
        services.send_feedback(plan.pk, by=rita())
    services.edit(plan.pk, [DeleteStep("s1")], by=rita())
    services.send_feedback(plan.pk, by=rita())
    assert again(plan).status == "revising"


def test_a_comment_reaches_the_agent_with_the_next_feedback() -> None:
    plan = offered()
    services.comment(plan.pk, "s2", "Mind the refunds.", by=sam())
    services.send_feedback(plan.pk, by=rita())
    said = progress.next_for(plan.pk)["said"]
    assert [(one["kind"], one["step"], one["text"]) for one in said] == [
        ("comment", "s2", "Mind the refunds.")
    ]


def test_what_is_said_while_the_agent_draws_up_a_version_is_told_for_the_next() -> None:
    plan = offered()
    services.send_feedback(plan.pk, by=rita(), feedback="Shorter.")
    wanted = progress.next_for(plan.pk)
    assert [one["text"] for one in wanted["said"]] == ["Shorter."]
    services.comment(plan.pk, "s2", "Mind the refunds.", by=sam())
    asking.offer(plan.pk, Draft(STEPS), based_on=1, heard=wanted["heard"])
    services.send_feedback(plan.pk, by=rita())  # there is something that it has not heard
    wanted = progress.next_for(plan.pk)
    assert [one["text"] for one in wanted["said"]] == ["Mind the refunds."]
    asking.offer(again(plan).pk, Draft(STEPS), based_on=2, heard=wanted["heard"])
    with pytest.raises(BadInput, match="Say what should be different"):
        services.send_feedback(plan.pk, by=rita())


def test_stopping_takes_back_what_a_running_step_asks() -> None:
    run = a_run()
    plan = plan_stories.accepted(run)
    progress.next_for(plan.pk)
    request = people.asked(run)
    services.stop(plan.pk, by=rita(), reason="Not any more.")
    request.refresh_from_db()
    assert (again(plan).status, request.status) == ("stopped", "cancelled")
    assert progress.finish_step(plan.pk, "s1", 1, "It was done all the same.") == "done"
    assert progress.next_for(plan.pk) == {"do": "end", "status": "stopped"}


def test_with_its_run_a_plan_is_over() -> None:
    run = a_run(status=Run.Status.WAITING)
    plan = offered(run)
    runs.cancel(run.pk, actor="system", reason="Enough.")
    plan = again(plan)
    assert (plan.shown_status, plan.over) == ("stopped", True)
    assert plan.turns.get().status == "cancelled"
    with pytest.raises(AlreadyDecided):
        services.accept(plan.pk, by=rita())


def test_a_run_that_is_started_again_ends_the_plan_it_had() -> None:
    run = a_run()
    old = plan_stories.begun(run, key="1:plan")
    plan_stories.begun(run, key="2:plan")
    assert again(old).status == "stopped"
    assert plan_stories.begun(run, key="2:plan").pk != old.pk


def test_an_input_goes_to_its_step() -> None:
    plan = plan_stories.accepted(None, Step("", "Ask", person=True, asks="Which?"))
    assert progress.next_for(plan.pk)["do"] == "input"
    turn = progress.ask_input(plan.pk, "s1")
    assert (turn.asks, plan.tries.get().status) == ("Which?", "waiting")
    assert progress.next_for(plan.pk)["do"] == "ask"
    services.give_input(turn.pk, "Blue", by=rita())
    begun = progress.next_for(plan.pk)
    assert (begun["do"], begun["human_input"]) == ("step", "Blue")
    with pytest.raises(AlreadyDecided, match="rita was first"):
        services.give_input(turn.pk, "Red", by=sam())


def test_a_failed_step_is_tried_again_with_what_was_said_before() -> None:
    plan = plan_stories.accepted(None, Step("", "Ask", person=True, asks="Which?"))
    services.give_input(progress.ask_input(plan.pk, "s1").pk, "Blue", by=rita())
    progress.next_for(plan.pk)
    turn = progress.fail_step(plan.pk, "s1", 1, "No paint.")
    services.retry(turn.pk, by=sam())
    begun = progress.next_for(plan.pk)
    assert (begun["attempt"], begun["human_input"]) == (2, "Blue")
    progress.finish_step(plan.pk, "s1", 2, "Painted.")
    assert progress.next_for(plan.pk) == {"do": "end", "status": "completed"}


def test_the_rest_may_be_changed_after_a_failure() -> None:
    plan = plan_stories.accepted()
    progress.next_for(plan.pk)
    turn = progress.fail_step(plan.pk, "s1", 1, "No orders.")
    services.edit(plan.pk, [DeleteStep("s1")], by=rita())
    turn.refresh_from_db()
    assert (turn.outcome, again(plan).status) == ("edit", "awaiting_feedback")
    with pytest.raises(AlreadyDecided):
        services.retry(turn.pk, by=rita())
    services.accept(plan.pk, by=rita())
    assert progress.next_for(plan.pk)["step"]["id"] == "s2"


# ---- Who may what


def test_nobody_accepts_the_plan_of_their_own_run() -> None:
    olga = people.person("olga", "Operators", "Reviewers")
    own = offered(a_run(requester=olga))
    for user in (olga, people.root()):
        run = a_run(requester=user, owner=user)
        plan = offered(run)
        with pytest.raises(NotAllowed, match="another person"):
            services.accept(plan.pk, by=user)
    services.edit(own.pk, [DeleteStep("s1")], by=olga)
    services.comment(own.pk, "s2", "Mind the refunds.", by=olga)
    services.send_feedback(own.pk, by=olga, feedback="Shorter.")
    assert again(own).status == "revising"


def test_the_requester_may_work_on_the_plan_without_being_a_reviewer() -> None:
    olga = people.person("olga", "Operators")
    plan = offered(a_run(requester=olga))
    services.edit(plan.pk, [DeleteStep("s1")], by=olga)
    with pytest.raises(NotAllowed, match="for reviewers"):
        services.accept(plan.pk, by=olga)
    other = offered(a_run(requester=rita()))
    with pytest.raises(NotAllowed):
        services.edit(other.pk, [DeleteStep("s1")], by=olga)
    services.stop(other.pk, by=olga)  # who may cancel runs may stop plans
    assert again(other).status == "stopped"


def test_outsiders_are_refused_whatever_they_try() -> None:
    plan, otto = offered(), people.otto()
    turn = plan_stories.turn(plan)
    tries: list[Any] = [
        lambda: services.edit(plan.pk, [DeleteStep("s1")], by=otto),
        lambda: services.send_feedback(plan.pk, by=otto, feedback="x"),
        lambda: services.accept(plan.pk, by=otto),
        lambda: services.stop(plan.pk, by=otto),
        lambda: services.comment(plan.pk, "s1", "x", by=otto),
        lambda: services.give_input(turn.pk, "x", by=otto),
        lambda: services.retry(turn.pk, by=otto),
    ]
    for attempt in tries:
        with pytest.raises(NotAllowed):
            attempt()
    assert (again(plan).status, again(plan).version) == ("awaiting_feedback", 1)


@pytest.mark.parametrize("wanted", [0, "x", None])
def test_an_unknown_plan_or_turn_is_named(wanted: Any) -> None:
    with pytest.raises(UnknownId):
        services.accept(wanted, by=rita())
    with pytest.raises(UnknownId):
        services.retry(wanted, by=rita())
