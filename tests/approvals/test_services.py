"""Asking and deciding: what is frozen, who wins, what the loser is told, what a deadline does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from approvals import actions, envelope, services
from approvals.actions import ActionContext, Arguments
from approvals.gate import gate_named
from approvals.models import ApprovalRequest, ApprovalStatus, Gate
from ledger.clock import now
from ledger.errors import (
    AlreadyDecided,
    BadInput,
    IllegalMove,
    NotAllowed,
    Stale,
    TooLate,
    UnknownId,
)
from ledger.models import Event
from ledger.requests import deadlines
from ledger.risk import RiskLevel
from ledger.transitions import move
from tests.support.people import a_run, asked, gate, group_named, otto, person, rita

pytestmark = pytest.mark.django_db


class Letter(Arguments):
    to: str
    copies: int = 1


@pytest.fixture
def post_letter() -> Iterator[None]:
    """An action with floor high and typed arguments."""

    @actions.action(floor="high", undoable=False, preview=lambda letter: f"To {letter.to}")
    def post_letter(letter: Letter, context: ActionContext) -> None:
        """Post a letter."""

    yield
    actions.forget("post_letter")


def kinds(request: ApprovalRequest) -> list[str]:
    events = Event.objects.filter(subject=request.subject).order_by("id")
    return [event.kind.removeprefix("approvals.") for event in events]


def overdue(request: ApprovalRequest) -> ApprovalRequest:
    """The request, its deadline a second ago."""
    ApprovalRequest.objects.filter(pk=request.pk).update(deadline=now() - timedelta(seconds=1))
    return services.find_by_id(request.pk)


VERBS: dict[str, Callable[[ApprovalRequest], ApprovalRequest]] = {
    "approve": lambda one: services.approve(one.pk, by=rita()),
    "reject": lambda one: services.reject(one.pk, by=rita(), feedback="No."),
    "revise": lambda one: services.request_revision(one.pk, by=rita(), feedback="Shorter."),
    "edit": lambda one: services.edit_and_approve(one.pk, by=rita(), details={"to": "bob"}),
    "cancel": lambda one: services.cancel(one.pk, actor="system", reason="Not needed."),
}
AFTER = {
    "approve": ("approved", "approved", "person"),
    "reject": ("rejected", "rejected", "person"),
    "revise": ("needs_revision", "revision_requested", "person"),
    "edit": ("needs_revision", "revision_requested", "edited"),
    "cancel": ("cancelled", "cancelled", "cancelled"),
}


# ---- The table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("was", "to"), list(itertools.product(ApprovalStatus, ApprovalStatus)))
def test_only_the_arrows_of_the_table_can_be_taken(was: str, to: str) -> None:
    request = asked()
    ApprovalRequest.objects.filter(pk=request.pk).update(status=was)
    request = services.find_by_id(request.pk)
    before = Event.objects.count()
    if was == "pending" and to != "pending":
        move(request, to, kind="approvals.x", actor="system")
        assert services.find_by_id(request.pk).status == to
        assert Event.objects.count() == before + 1
    else:
        with pytest.raises(IllegalMove, match=f"from {was} to {to}"):
            move(request, to, kind="approvals.x", actor="system")
        assert services.find_by_id(request.pk).status == was
        assert Event.objects.count() == before


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_moves_the_row_and_writes_one_event(verb: str) -> None:
    request = asked()
    VERBS[verb](request)
    after = services.find_by_id(request.pk)
    status, kind, resolution = AFTER[verb]
    assert (after.status, after.resolution) == (status, resolution)
    assert after.resolved_at is not None
    assert kinds(request) == ["asked", kind]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(VERBS, VERBS)))
def test_a_committed_decision_stands_whatever_comes_second(first: str, second: str) -> None:
    request = asked()
    VERBS[first](request)
    before = ApprovalRequest.objects.values().get(pk=request.pk)
    events = Event.objects.count()
    with pytest.raises(AlreadyDecided):
        VERBS[second](request)
    assert ApprovalRequest.objects.values().get(pk=request.pk) == before
    assert Event.objects.count() == events


@pytest.mark.parametrize("verb", VERBS)
def test_a_deadline_never_overrides_a_committed_decision(verb: str) -> None:
    request = asked()
    VERBS[verb](request)
    overdue(request)
    before = ApprovalRequest.objects.values().get(pk=request.pk)
    events = Event.objects.count()
    assert services.expire(request.pk).status == AFTER[verb][0]
    assert deadlines.expire_due() == 0
    assert ApprovalRequest.objects.values().get(pk=request.pk) == before
    assert Event.objects.count() == events


@pytest.mark.parametrize("verb", ["approve", "reject", "revise", "edit"])
def test_after_the_deadline_nobody_decides_even_if_no_process_noticed_it(verb: str) -> None:
    request = overdue(asked())
    with pytest.raises(TooLate) as error:
        VERBS[verb](request)
    assert error.value.http_status == 410
    after = services.find_by_id(request.pk)
    assert (after.status, after.shown_status) == ("pending", "expired")
    assert kinds(request) == ["asked"]
    assert ApprovalRequest.objects.count() == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_decision_after_the_deadline_has_rejected_is_late(verb: str) -> None:
    request = overdue(asked())
    services.expire(request.pk)
    with pytest.raises(TooLate):
        VERBS[verb](request)
    assert services.find_by_id(request.pk).resolution == "deadline"


def test_the_deadline_rejects_and_says_so() -> None:
    request = overdue(asked())
    assert deadlines.expire_due() == 1
    after = services.find_by_id(request.pk)
    assert (after.status, after.resolution, after.reviewer) == ("rejected", "deadline", None)
    assert after.feedback == "Approval timeout - auto-rejected for safety"
    assert after.resolved_at is not None
    event = Event.objects.get(kind="approvals.rejected")
    assert (event.actor, event.payload["by"]) == ("deadline", "deadline")


def test_a_request_that_is_not_due_does_not_expire() -> None:
    request = asked()
    assert services.expire(request.pk).status == "pending"
    assert deadlines.expire_due() == 0


# ---- What the loser is told --------------------------------------------------------------------


def test_the_second_decision_is_told_who_decided_what_and_when() -> None:
    request = asked()
    services.reject(request.pk, by=person("jo", "Reviewers", first_name="Jo"), feedback="No.")
    with pytest.raises(AlreadyDecided) as error:
        services.approve(request.pk, by=rita())
    at = services.find_by_id(request.pk).resolved_at
    assert error.value.http_status == 409
    assert str(error.value) == f"Jo decided first: rejected, {at:%Y-%m-%d %H:%M:%S} UTC."
    assert error.value.current.pk == request.pk


def test_after_an_edit_the_loser_is_shown_what_was_approved() -> None:
    request = asked()
    edited = VERBS["edit"](request)
    with pytest.raises(AlreadyDecided, match="rita decided first: approved") as error:
        services.approve(request.pk, by=person("jo", "Reviewers"))
    assert error.value.current == edited


def test_another_digest_than_the_shown_one_decides_nothing() -> None:
    request = asked()
    for digest in ("", "0" * 64, request.digest.upper()):
        with pytest.raises(Stale) as error:
            services.approve(request.pk, by=rita(), digest=digest)
        assert error.value.http_status == 412
        assert error.value.current == request
    assert services.find_by_id(request.pk).status == "pending"
    assert services.approve(request.pk, by=rita(), digest=request.digest).status == "approved"


def test_a_page_of_an_older_revision_is_told_the_newer_one() -> None:
    first = asked()
    services.request_revision(first.pk, by=rita(), feedback="Shorter.")
    second = asked(previous=first)
    for digest in (first.digest, None):
        with pytest.raises(Stale, match="asked again") as error:
            services.approve(first.pk, by=rita(), digest=digest)
        assert error.value.current == second
    assert services.find_by_id(second.pk).status == "pending"


def test_ids_are_taken_as_value_or_text_and_unknown_ones_are_named() -> None:
    request = asked()
    assert services.find_by_id(str(request.pk)) == request
    unknown: Any
    for unknown in (request.pk + 999, "999999", "nonsense", None, [], "", 10**40):
        with pytest.raises(UnknownId) as error:
            services.approve(unknown, by=rita())
        assert isinstance(error.value, KeyError)
        assert str(unknown) in str(error.value)


@pytest.mark.parametrize("feedback", ["", "  \n", None, 5, "x" * 10_001, "a\0b", "\ud800"])
@pytest.mark.parametrize("verb", [services.reject, services.request_revision])
def test_feedback_that_says_nothing_or_cannot_be_stored_is_refused(
    verb: Callable[..., Any], feedback: Any
) -> None:
    request = asked()
    with pytest.raises(BadInput) as error:
        verb(request.pk, by=rita(), feedback=feedback)
    assert error.value.field == "feedback"
    assert services.find_by_id(request.pk).status == "pending"


@pytest.mark.parametrize("feedback", [None, "x" * 10_001, "a\0b"])
def test_approving_needs_no_feedback_but_none_that_cannot_be_stored(feedback: Any) -> None:
    request = asked()
    with pytest.raises(BadInput):
        services.approve(request.pk, by=rita(), feedback=feedback)
    assert services.approve(request.pk, by=rita()).feedback == ""


# ---- Asking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["", None, "extreme", "LOW", " low", 1, True, [], "medium "])
def test_a_risk_level_other_than_the_four_is_refused(level: Any) -> None:
    refused("risk_level", risk_level=level)


@pytest.mark.parametrize(
    "details",
    [float("nan"), {"a": {1, 2}}, {1: 2}, {"a": 2**53}, {"a": "\0"}, {"\ud800": 1}, {"a": b""}],
)
def test_details_that_are_no_canonical_json_are_refused(details: Any) -> None:
    refused("details", details=details)


@pytest.mark.parametrize("field", ["agent_id", "action"])
@pytest.mark.parametrize("name", ["", "  ", None, 7, "x" * 201, "a\0", "\ud800"])
def test_a_name_that_is_none_is_refused(field: str, name: Any) -> None:
    refused(field, **{field: name})


def refused(field: str, **changes: Any) -> None:
    with pytest.raises(BadInput) as error:
        asked(**changes)
    assert error.value.field == field
    assert isinstance(error.value, ValueError)
    assert not ApprovalRequest.objects.exists()
    assert not Event.objects.exists()


def test_the_longest_names_are_stored_and_logged_on_both_databases() -> None:
    long = "n" * 200
    place = gate_named(long)
    request = asked(gate=place, agent_id=long, action=long, risk_level="low")
    assert request.status == "approved"
    actors = ["system", f"agent:{long}", f"rule:{long}"]  # the gate's first use, then the request
    assert list(Event.objects.values_list("actor", flat=True)) == actors


def test_the_story_is_the_agents_own_and_is_stored_as_far_as_it_can_be() -> None:
    assert asked(story="well \0 and \ud800").story == "well \ufffd and \ufffd"


def test_below_the_threshold_the_rule_approves_and_both_are_in_the_log() -> None:
    request = asked(risk_level="low")
    assert (request.status, request.resolution, request.reviewer) == ("approved", "rule", None)
    assert request.deadline is None
    assert kinds(request) == ["asked", "approved"]
    assert Event.objects.latest("id").actor == "rule:mail"


@pytest.mark.parametrize(("threshold", "risk"), list(itertools.product(RiskLevel, RiskLevel)))
def test_risk_at_or_above_the_threshold_asks(threshold: str, risk: str) -> None:
    request = asked(gate=gate(risk_threshold=threshold), risk_level=risk)
    asks = RiskLevel(risk).rank >= RiskLevel(threshold).rank
    assert request.status == ("pending" if asks else "approved")


@pytest.mark.usefixtures("post_letter")
@pytest.mark.parametrize(
    ("said", "counts"), [("low", "high"), ("high", "high"), ("critical", "critical")]
)
def test_a_declared_floor_cannot_be_talked_down(said: str, counts: str) -> None:
    request = asked(action="post_letter", risk_level=said)
    assert (request.risk_level, request.risk_stated, request.risk_declared) == (
        counts,
        said,
        "high",
    )
    assert request.risk_rank == RiskLevel(counts).rank
    assert request.status == "pending"


@pytest.mark.parametrize("risk", RiskLevel)
def test_a_revision_goes_before_a_person_again_and_never_counts_as_less_risky(risk: str) -> None:
    first = asked(risk_level="high")
    services.request_revision(first.pk, by=rita(), feedback="Shorter.")
    Gate.objects.update(risk_threshold="critical")
    second = asked(previous=first, risk_level=risk, gate=gate())
    assert second.status == "pending"
    assert second.deadline is not None
    assert second.risk_level == RiskLevel.higher(RiskLevel(risk), RiskLevel.HIGH)
    assert (second.previous, second.revision, first.next) == (first, 2, second)


def test_one_revision_has_one_next() -> None:
    first = asked()
    services.request_revision(first.pk, by=rita(), feedback="Shorter.")
    asked(previous=first)
    with pytest.raises(IntegrityError), transaction.atomic():
        asked(previous=first)
    assert ApprovalRequest.objects.count() == 2


def test_the_rule_is_frozen_when_it_is_asked() -> None:
    request = asked()
    was = {
        "gate": "mail",
        "threshold": "medium",
        "deadline_seconds": 24 * 60 * 60,
        "deciders": ["Reviewers"],
    }
    assert request.rule == was
    changed = gate(risk_threshold="critical", deadline_seconds=500)
    changed.deciders.set([group_named("Others")])
    after = services.find_by_id(request.pk)
    assert (after.rule, after.deadline) == (was, request.deadline)
    with pytest.raises(NotAllowed, match="Only Reviewers"):
        services.approve(request.pk, by=_other())
    assert services.approve(request.pk, by=rita()).status == "approved"
    later = asked(risk_level="critical")
    with pytest.raises(NotAllowed, match="Only Others"):
        services.approve(later.pk, by=rita())
    assert services.approve(later.pk, by=_other()).status == "approved"


def _other() -> Any:
    """In another group; may decide, as far as the permission goes."""
    user = person("olaf", "Others")
    user.user_permissions.set(group_named("Reviewers").permissions.all())
    return user


def test_a_gate_without_a_deadline_waits_as_long_as_it_takes() -> None:
    request = asked(gate=gate(deadline_seconds=None))
    assert request.deadline is None
    assert deadlines.expire_due() == 0
    assert services.approve(request.pk, by=rita()).status == "approved"


def test_the_same_run_and_key_asks_once() -> None:
    run = a_run()
    first = asked(run, key="1:tell")
    assert asked(run, key="1:tell", details={"other": 1}) == first
    assert asked(run, key="1:tell/2") != first
    assert asked(a_run(), key="1:tell") != first
    assert kinds(first) == ["asked"]


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_run_that_is_over_asks_nothing_more(status: str) -> None:
    with pytest.raises(IllegalMove, match=status):
        asked(a_run(status=status))
    assert not ApprovalRequest.objects.exists()


def test_the_digest_covers_everything_that_tells_one_request_from_another() -> None:
    run = a_run()
    digests = {
        one.digest
        for one in (
            asked(),
            asked(gate=gate("other")),
            asked(run),
            asked(agent_id="x"),
            asked(action="x"),
            asked(details={"to": "ana@example.org "}),
            asked(risk_level="high"),
            asked(previous=asked(agent_id="y")),
        )
    }
    assert len(digests) == 8
    assert asked().digest in digests


def test_stored_arguments_that_were_changed_do_not_pass_the_check() -> None:
    request = asked()
    envelope.check(services.find_by_id(request.pk))
    ApprovalRequest.objects.filter(pk=request.pk).update(details={"to": "eve@example.org"})
    with pytest.raises(Stale, match="digest differs"):
        envelope.check(services.find_by_id(request.pk))


# ---- Edit and approve --------------------------------------------------------------------------


@pytest.mark.usefixtures("post_letter")
def test_an_edit_is_a_new_revision_by_the_reviewer_and_approved() -> None:
    old = asked(action="post_letter", risk_level="low", details={"to": "ana"})
    new = services.edit_and_approve(
        old.pk, by="rita" if rita() else "", details={"to": "bob"}, feedback="Bob it is."
    )
    old.refresh_from_db()
    assert (old.status, old.resolution, old.reviewer) == ("needs_revision", "edited", rita())
    assert (new.status, new.resolution, new.reviewer) == ("approved", "edited", rita())
    assert (new.author, new.previous, new.revision) == (rita(), old, 2)
    assert new.details == {"to": "bob", "copies": 1}
    assert (new.risk_level, new.feedback) == ("high", "Bob it is.")
    assert kinds(new) == ["asked", "approved"]
    assert Event.objects.latest("id").payload["by"] == "edited"
    envelope.check(services.find_by_id(new.pk))


def test_an_edit_keeps_the_rule_and_the_deadline_of_what_was_asked() -> None:
    old = asked()
    changed = gate(risk_threshold="critical", deadline_seconds=1)
    Gate.objects.filter(pk=changed.pk).update(name="renamed")
    new = services.edit_and_approve(old.pk, by=rita(), details={"to": "bob"})
    assert (new.rule, new.deadline) == (old.rule, old.deadline)
    envelope.check(services.find_by_id(new.pk))


@pytest.mark.usefixtures("post_letter")
@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"to": 5}, "to"),
        ({}, "to"),
        ({"to": "a", "x": 1}, "x"),
        ([], "details"),
        ({"to": "\0"}, "details"),
    ],
)
def test_an_edit_that_does_not_fit_the_action_decides_nothing(details: Any, field: str) -> None:
    old = asked(action="post_letter", details={"to": "ana"})
    with pytest.raises(BadInput) as error:
        services.edit_and_approve(old.pk, by=rita(), details=details)
    assert error.value.field == field
    assert services.find_by_id(old.pk).status == "pending"
    assert kinds(old) == ["asked"]
    assert ApprovalRequest.objects.count() == 1


def test_an_edit_of_an_action_that_others_have_keeps_the_limits_of_json() -> None:
    old = asked()
    with pytest.raises(BadInput):
        services.edit_and_approve(old.pk, by=rita(), details={"a": 2**53})
    assert services.find_by_id(old.pk).status == "pending"


def test_who_may_not_decide_learns_nothing_else_about_the_request() -> None:
    request = asked()
    stranger = otto()
    for call in (
        lambda: services.edit_and_approve(request.pk, by=stranger, details=float("nan")),
        lambda: services.reject(request.pk, by=stranger, feedback=""),
        lambda: services.approve(request.pk, by=stranger, digest="0"),
    ):
        with pytest.raises(NotAllowed):
            call()
    VERBS["approve"](request)
    with pytest.raises(NotAllowed):
        services.approve(request.pk, by=stranger)


# ---- Deadlines ---------------------------------------------------------------------------------


def test_the_deadline_is_brought_forward_once_and_logged() -> None:
    request = asked()
    shorter = services.shorten(request.pk, 60)
    assert shorter.deadline is not None
    assert 55 < (shorter.deadline - now()).total_seconds() <= 60
    assert services.shorten(request.pk, 5).deadline == shorter.deadline
    assert kinds(request) == ["asked", "deadline_shortened"]
    event = Event.objects.latest("id")
    assert event.payload == {"deadline": shorter.deadline.isoformat()}


def test_the_deadline_is_never_put_off() -> None:
    request = asked(gate=gate(deadline_seconds=60))
    assert services.shorten(request.pk, 3600).deadline == request.deadline
    assert services.shorten(request.pk, float("inf")).deadline == request.deadline
    assert services.shorten(request.pk, 1e300).deadline == request.deadline
    assert kinds(request) == ["asked"]


def test_a_request_without_a_deadline_can_get_one() -> None:
    request = asked(gate=gate(deadline_seconds=None))
    assert services.shorten(request.pk, float("inf")).deadline is None
    assert services.shorten(request.pk, 60).deadline is not None


def test_a_decided_request_gets_no_other_deadline() -> None:
    request = asked()
    VERBS["approve"](request)
    assert services.shorten(request.pk, 1).deadline == request.deadline
    assert kinds(request) == ["asked", "approved"]


@pytest.mark.parametrize("seconds", [float("nan"), "5", None])
def test_a_timeout_that_is_no_number_is_refused(seconds: Any) -> None:
    request = asked()
    with pytest.raises(BadInput):
        services.shorten(request.pk, seconds)
    assert services.find_by_id(request.pk).deadline == request.deadline


@pytest.mark.parametrize("seconds", [0, -5, -1e300])
def test_a_timeout_that_has_passed_already_is_due_at_once(seconds: float) -> None:
    request = services.shorten(asked().pk, seconds)
    with pytest.raises(TooLate):
        services.approve(request.pk, by=rita())


def test_expired_is_what_everybody_sees_before_anybody_has_rejected() -> None:
    request = overdue(asked())
    assert request.expired
    assert not ApprovalRequest.objects.open().exists()
    assert ApprovalRequest.objects.overdue().get() == request
