"""The verbs of escalations: which moves there are, who may, who loses, and what the log says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from escalations import claims, services, thresholds
from escalations.handlers import handling
from escalations.models import Escalation, EscalationStatus, Knowledge, Threshold
from ledger import runs
from ledger.clock import now
from ledger.errors import (
    AlreadyDecided,
    BadInput,
    IllegalMove,
    NotAllowed,
    Refused,
    Stale,
    TooLate,
    UnknownId,
)
from ledger.models import Event
from ledger.requests import deadlines
from ledger.transitions import move
from tests.support import people
from tests.support.escalated import CONTEXT, escalated, now_is

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita() -> User:
    return people.rita()


@pytest.fixture
def sam() -> User:
    return people.person("sam", "Reviewers")


@pytest.fixture
def olga() -> User:
    return people.person("olga", "Operators")


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def overdue(escalation: Escalation) -> Escalation:
    past = now() - timedelta(seconds=30)
    Escalation.objects.filter(pk=escalation.pk).update(deadline=past)
    return now_is(escalation)


# ---- The table


@pytest.mark.parametrize("was", EscalationStatus.values)
@pytest.mark.parametrize("to", EscalationStatus.values)
def test_the_only_moves_are_away_from_pending(was: str, to: str) -> None:
    escalation = escalated()
    Escalation.objects.filter(pk=escalation.pk).update(status=was)
    escalation.refresh_from_db()
    if was == "pending" and to != "pending":
        move(escalation, to, kind="escalations.moved", actor="system")
        assert now_is(escalation).status == to
    else:
        with pytest.raises(IllegalMove):
            move(escalation, to, kind="escalations.moved", actor="system")


# ---- Asking


def test_asking_stores_who_asks_what_why_and_under_which_rule() -> None:
    escalation = now_is(escalated())
    assert (escalation.status, escalation.type) == ("pending", "low_confidence")
    assert escalation.confidence == 0.42
    assert escalation.threshold == 0.7
    assert escalation.risk_level == "medium"
    assert escalation.deadline is not None
    assert escalation.deadline - escalation.created_at == timedelta(hours=24)
    event = Event.objects.get()
    assert (event.kind, event.actor) == ("escalations.asked", "agent:escalating")
    assert event.payload["digest"] == escalation.digest


@pytest.mark.parametrize(
    ("context", "confidence"),
    [
        ({"confidence": 0.3}, 0.3),
        ({"confidence": 1}, 1.0),
        ({"confidence": True}, None),
        ({"confidence": "0.3"}, None),
        ({"confidence": 30}, None),
        ({}, None),
        ("only words", None),
        (None, None),
    ],
)
def test_a_confidence_is_taken_from_the_context_where_it_is_one(
    context: Any, confidence: float | None
) -> None:
    assert now_is(escalated(context=context)).confidence == confidence


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"context": {"a": {1, 2}}}, "context: set is not JSON"),
        ({"context": {"a": "x" * 300_000}}, "context: larger than 262,144 bytes"),
        ({"context": float("nan")}, "context: nan is not JSON"),
        ({"context": {"a": "\0"}}, r"context: U\+0000"),
        ({"reason": " "}, "reason: "),
        ({"reason": "x" * 10_001}, "reason: longer than 10,000"),
        ({"reason": None}, "reason: "),
        ({"agent_id": ""}, "agent_id: "),
        ({"type": "x" * 201}, "type: longer than 200"),
        ({"threshold": 7}, "confidence: 7 is no number from 0 to 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_stored(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        escalated(**wrong)
    assert not Escalation.objects.exists()
    assert not Event.objects.exists()


def test_the_same_key_of_a_run_asks_once() -> None:
    run = people.a_run()
    first = escalated(run, key="1:question/a")
    assert escalated(run, key="1:question/a").pk == first.pk
    assert escalated(run, key="1:question/b").pk != first.pk


def test_a_run_that_is_over_asks_nothing_more() -> None:
    run = people.a_run()
    runs.cancel(run.pk, actor="system")
    with pytest.raises(IllegalMove):
        escalated(run)


# ---- Answering


def test_an_answer_ends_it_is_kept_and_logged(rita: User) -> None:
    escalation = services.answer(escalated().pk, by="rita", answer="Ten percent.")
    after = now_is(escalation)
    assert (after.status, after.response, after.reviewer) == ("answered", "Ten percent.", rita)
    assert after.resolved_at is not None
    assert Knowledge.objects.get().answer == "Ten percent."
    assert kinds() == ["escalations.asked", "escalations.answered"]
    event = Event.objects.get(kind="escalations.answered")
    assert (event.actor, event.payload["answer"]) == ("user:rita", "Ten percent.")


def test_dismissing_gives_no_answer(rita: User) -> None:
    after = now_is(services.dismiss(escalated().pk, by=rita, feedback="Nobody knows."))
    assert (after.status, after.response, after.feedback) == ("dismissed", None, "Nobody knows.")
    assert after.resolution == "person"
    assert not Knowledge.objects.exists()


@pytest.mark.parametrize("answer", ["", " \n", None, "x" * 20_001, "nul \0", "\ud800"])
def test_an_unusable_answer_is_refused(rita: User, answer: Any) -> None:
    escalation = escalated()
    with pytest.raises(BadInput) as error:
        services.answer(escalation.pk, by=rita, answer=answer)
    assert error.value.field == "answer"
    assert now_is(escalation).status == "pending"


VERBS: dict[str, Callable[[Escalation, Any], Any]] = {
    "answer": lambda row, by: services.answer(row.pk, by=by, answer="Ten."),
    "dismiss": lambda row, by: services.dismiss(row.pk, by=by),
    "claim": lambda row, by: services.claim(row.pk, by=by),
    "release": lambda row, by: services.give_back(row.pk, by=by),
    "hand_over": lambda row, by: services.hand_over(row.pk, by=by, to="sam", note="Yours."),
}
EACH_VERB = pytest.mark.parametrize("verb", VERBS)


@EACH_VERB
def test_outsiders_may_do_nothing(sam: User, verb: str) -> None:
    escalation = escalated()
    for outsider in (people.otto(), people.person("olga", "Operators")):
        with pytest.raises(NotAllowed):
            VERBS[verb](escalation, outsider)
    gone = people.person("gone", "Reviewers", is_active=False)
    with pytest.raises(NotAllowed, match="not active"):
        VERBS[verb](escalation, gone)
    assert kinds() == ["escalations.asked"]


@EACH_VERB
def test_whoever_comes_second_is_told_who_was_first(rita: User, sam: User, verb: str) -> None:
    escalation = escalated()
    services.answer(escalation.pk, by=sam, answer="Ten.")
    with pytest.raises(AlreadyDecided, match="sam was first: answered") as error:
        VERBS[verb](escalation, rita)
    assert error.value.current.status == "answered"
    assert now_is(escalation).reviewer == sam


@EACH_VERB
@pytest.mark.parametrize("noticed", [False, True])
def test_whoever_comes_late_is_told_so(rita: User, sam: User, verb: str, noticed: bool) -> None:
    escalation = overdue(escalated())
    if noticed:
        services.expire(escalation.pk)
    with pytest.raises(TooLate):
        VERBS[verb](escalation, rita)
    assert now_is(escalation).shown_status == "expired"


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_page_that_showed_something_else_changes_nothing(
    rita: User, sam: User, digest: str
) -> None:
    escalation = escalated()
    shown: dict[str, Any] = {"by": rita, "digest": digest}
    for call in (
        lambda: services.answer(escalation.pk, answer="Ten.", **shown),
        lambda: services.dismiss(escalation.pk, **shown),
        lambda: services.claim(escalation.pk, **shown),
        lambda: services.hand_over(escalation.pk, to="sam", note="Yours.", **shown),
    ):
        with pytest.raises(Stale):
            call()
    assert kinds() == ["escalations.asked"]


@EACH_VERB
@pytest.mark.parametrize("pk", [4711, "x", None, 10**30])
def test_an_unknown_id_is_named(rita: User, sam: User, verb: str, pk: Any) -> None:
    escalation = Escalation(pk=pk)
    with pytest.raises(UnknownId, match=str(pk)):
        VERBS[verb](escalation, rita)


@pytest.mark.django_db(transaction=True)
def test_of_many_answers_at_once_one_counts() -> None:
    users = [people.person(f"r{number}", "Reviewers") for number in range(6)]
    escalation = escalated()
    won, lost = [], []
    start = threading.Barrier(len(users))

    def answer(user: User) -> None:
        start.wait()
        try:
            services.answer(escalation.pk, by=user, answer=f"By {user.username}.")
            won.append(user)
        except AlreadyDecided:
            lost.append(user)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(won), len(lost)) == (1, len(users) - 1)
    assert now_is(escalation).response == f"By {won[0].username}."
    assert Knowledge.objects.count() == 1


# ---- Claims


def test_a_claim_is_seen_and_ends_with_the_answer(rita: User) -> None:
    escalation = services.claim(escalated().pk, by=rita)
    assert escalation.is_claimed
    assert escalation.claimed_by == rita
    after = now_is(services.answer(escalation.pk, by=rita, answer="Ten."))
    assert (after.claimed_by, after.claimed_until) == (None, None)


def test_a_claim_of_somebody_else_is_not_taken_but_keeps_nobody_from_answering(
    rita: User, sam: User
) -> None:
    escalation = services.claim(escalated().pk, by=sam)
    with pytest.raises(Refused, match="sam has it in hand until") as error:
        services.claim(escalation.pk, by=rita)
    assert error.value.http_status == 409
    assert now_is(escalation).claimed_by == sam
    assert services.answer(escalation.pk, by=rita, answer="Ten.").status == "answered"


def test_a_claim_that_has_ended_can_be_taken(rita: User, sam: User) -> None:
    escalation = services.claim(escalated().pk, by=sam)
    past = now() - timedelta(seconds=1)
    Escalation.objects.filter(pk=escalation.pk).update(claimed_until=past)
    assert not now_is(escalation).is_claimed
    assert services.claim(escalation.pk, by=rita).claimed_by == rita


def test_claiming_again_prolongs_it(rita: User) -> None:
    escalation = services.claim(escalated().pk, by=rita)
    soon = now() + timedelta(seconds=10)
    Escalation.objects.filter(pk=escalation.pk).update(claimed_until=soon)
    again = services.claim(escalation.pk, by=rita)
    assert again.claimed_until is not None
    assert again.claimed_until > now() + claims.CLAIM - timedelta(minutes=1)


def test_only_ones_own_claim_is_released(rita: User, sam: User) -> None:
    escalation = services.claim(escalated().pk, by=rita)
    with pytest.raises(Refused, match="rita has it in hand"):
        services.give_back(escalation.pk, by=sam)
    assert not services.give_back(escalation.pk, by=rita).is_claimed
    with pytest.raises(Refused, match="not have it in hand any more"):
        services.give_back(escalation.pk, by=rita)
    assert kinds() == ["escalations.asked", "escalations.claimed", "escalations.released"]


def test_handing_over_says_to_whom_and_why_and_ends_the_claim(rita: User, sam: User) -> None:
    escalation = services.claim(escalated().pk, by=rita)
    after = services.hand_over(escalation.pk, by=rita, to=sam, note="You know the law.")
    assert (after.handed_to, after.handed_by) == (sam, rita)
    assert after.handed_note == "You know the law."
    assert not after.is_claimed
    event = Event.objects.get(kind="escalations.handed_over")
    assert (event.payload["to"], event.payload["note"]) == ("sam", "You know the law.")


@pytest.mark.parametrize(
    ("to", "note", "field"),
    [
        ("", "Why.", "to"),
        ("nobody", "Why.", "to"),
        ("rita", "Why.", "to"),
        ("otto", "Why.", "to"),
        ("sam", "", "note"),
        ("sam", "x" * 2_001, "note"),
    ],
)
def test_a_hand_over_to_nobody_or_without_a_word_is_refused(
    rita: User, sam: User, to: str, note: str, field: str
) -> None:
    people.otto()
    escalation = escalated()
    with pytest.raises(BadInput) as error:
        services.hand_over(escalation.pk, by=rita, to=to, note=note)
    assert error.value.field == field
    assert now_is(escalation).handed_to is None


# ---- Deadlines


def test_past_its_deadline_it_expires_without_an_answer() -> None:
    escalation = overdue(escalated())
    assert deadlines.expire_due() == 1
    after = now_is(escalation)
    assert (after.status, after.response, after.resolution) == ("expired", None, "deadline")
    assert after.resolved_at is not None
    assert Event.objects.get(kind="escalations.expired").actor == "deadline"


def test_before_its_deadline_it_does_not() -> None:
    assert services.expire(escalated().pk).status == "pending"


def test_a_deadline_never_overrides_an_answer(rita: User) -> None:
    escalation = services.answer(escalated().pk, by=rita, answer="Ten.")
    overdue(escalation)
    assert services.expire(escalation.pk).status == "answered"


def test_a_deadline_is_brought_forward_once_and_never_backward() -> None:
    escalation = escalated()
    assert services.shorten(escalation.pk, 10**6).deadline == now_is(escalation).deadline
    sooner = services.shorten(escalation.pk, 60).deadline
    assert services.shorten(escalation.pk, 1).deadline == sooner
    assert services.shorten(escalation.pk, float("inf")).deadline == sooner
    assert kinds().count("escalations.deadline_shortened") == 1


@pytest.mark.parametrize("seconds", [float("nan"), "5", None])
def test_a_timeout_that_is_no_number_is_refused(seconds: Any) -> None:
    with pytest.raises(BadInput):
        services.shorten(escalated().pk, seconds)


def test_the_end_of_its_run_dismisses_it(rita: User) -> None:
    run = people.a_run()
    escalation = services.claim(escalated(run).pk, by=rita)
    runs.cancel(run.pk, actor="system")
    after = now_is(escalation)
    assert (after.status, after.resolution) == ("dismissed", "run_over")
    assert after.resolved_at is not None
    assert not after.is_claimed
    assert "escalations.cancelled" in kinds()


# ---- The mark on the attempt


def test_an_attempt_is_marked_after_the_fact_and_the_last_word_counts(rita: User) -> None:
    escalation = services.answer(escalated().pk, by=rita, answer="Ten.")
    services.mark(escalation.pk, by=rita, attempt_was="right")
    services.mark(escalation.pk, by=rita, attempt_was="right")
    after = services.mark(escalation.pk, by=rita, attempt_was="wrong")
    assert (after.attempt_was, after.marked_by) == ("wrong", rita)
    assert kinds().count("escalations.marked") == 2


def test_marks_need_an_attempt_an_end_and_a_word(rita: User) -> None:
    open_one = escalated()
    with pytest.raises(Stale):
        services.mark(open_one.pk, by=rita, attempt_was="right")
    services.dismiss(open_one.pk, by=rita)
    for word in ("", "RIGHT", "good"):
        with pytest.raises(BadInput):
            services.mark(open_one.pk, by=rita, attempt_was=word)
    without = services.dismiss(escalated(context={}).pk, by=rita)
    with pytest.raises(BadInput, match="no attempt"):
        services.mark(without.pk, by=rita, attempt_was="right")
    with pytest.raises(NotAllowed):
        services.mark(open_one.pk, by=people.otto(), attempt_was="right")


# ---- Thresholds


def test_the_most_exact_row_counts(olga: User) -> None:
    rows = {("", "low_confidence"): 0.5, ("escalating", ""): 0.6}
    for (agent_id, type_), confidence in rows.items():
        thresholds.create(by=olga, agent_id=agent_id, type=type_, confidence=confidence)
    assert thresholds.confidence_for("escalating", "low_confidence", 0.7) == 0.6
    assert thresholds.confidence_for("other", "low_confidence", 0.7) == 0.5
    assert thresholds.confidence_for("other", "general", 0.7) == 0.7
    thresholds.create(by=olga, agent_id="escalating", type="low_confidence", confidence=0.9)
    assert thresholds.confidence_for("escalating", "low_confidence", 0.7) == 0.9


def test_a_row_sets_risk_and_deadline_and_they_are_frozen(olga: User) -> None:
    row = thresholds.create(
        by=olga, type="low_confidence", confidence=0.5, risk_level="high", deadline_seconds=None
    )
    escalation = escalated(threshold=None)
    assert (escalation.threshold, escalation.risk_level, escalation.risk_rank) == (0.5, "high", 3)
    assert escalation.deadline is None
    thresholds.change(row.pk, by=olga, confidence=0.9, risk_level="low", deadline_seconds=60)
    after = now_is(escalation)
    assert (after.threshold, after.risk_level, after.deadline) == (0.5, "high", None)
    assert now_is(escalated(threshold=None)).threshold == 0.9


def test_changes_of_thresholds_are_logged_with_before_and_after(olga: User) -> None:
    row = thresholds.create(by=olga, agent_id="escalating", confidence=0.5)
    for confidence in (0.5, 0.6):
        thresholds.change(
            row.pk, by=olga, confidence=confidence, risk_level="medium", deadline_seconds=86400
        )
    thresholds.remove(row.pk, by=olga)
    told = [event.payload for event in Event.objects.filter(kind="thresholds.changed")]
    confidences = [
        tuple(side and side["confidence"] for side in (each["before"], each["after"]))
        for each in told
    ]
    assert confidences == [(None, 0.5), (0.5, 0.6), (0.6, None)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.1},
        {"confidence": -0.1},
        {"confidence": float("nan")},
        {"confidence": True},
        {"agent_id": " "},
        {"agent_id": "x" * 201},
        {"risk_level": "huge"},
        {"deadline_seconds": 0},
        {"deadline_seconds": 10**10},
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(olga: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        thresholds.create(**{"by": olga, "agent_id": "a", "confidence": 0.5, **wrong})
    assert not Threshold.objects.exists()


def test_only_operators_set_thresholds(rita: User, olga: User) -> None:
    with pytest.raises(NotAllowed):
        thresholds.create(by=rita, agent_id="a", confidence=0.5)
    row = thresholds.create(by=olga, agent_id="a", confidence=0.5)
    with pytest.raises(BadInput):
        thresholds.create(by=olga, agent_id="a", confidence=0.6)
    with pytest.raises(NotAllowed):
        thresholds.change(row.pk, by=rita, confidence=0.6, risk_level="low", deadline_seconds=None)
    with pytest.raises(NotAllowed):
        thresholds.remove(row.pk, by=rita)


# ---- Handlers, as the row knows them


def test_a_handler_is_called_once_in_the_escalations_life() -> None:
    escalation = escalated()
    assert handling.begin(escalation.pk)
    assert not handling.begin(escalation.pk)
    event = Event.objects.get(kind="escalations.handler_failed")
    assert event.payload["why"] == handling.GONE
    assert now_is(escalation).status == "pending"


def test_a_handlers_answer_ends_it_and_is_not_kept_as_a_persons() -> None:
    escalation = escalated()
    handling.begin(escalation.pk)
    handling.handle(escalation.pk, {"answer": "Ten.", "source": ["law"]})
    after = now_is(escalation)
    assert (after.status, after.resolution) == ("handled", "handler")
    assert after.response == {"answer": "Ten.", "source": ["law"]}
    assert not Knowledge.objects.exists()
    assert Event.objects.get(kind="escalations.handled").actor == "handler:low_confidence"


def test_a_handler_that_comes_after_a_person_or_the_deadline_loses(rita: User) -> None:
    escalation = escalated()
    handling.begin(escalation.pk)
    services.answer(escalation.pk, by=rita, answer="Ten.")
    with pytest.raises(AlreadyDecided):
        handling.handle(escalation.pk, {"answer": "Five."})
    late = overdue(escalated(context={**CONTEXT, "n": 2}))
    with pytest.raises(TooLate):
        handling.handle(late.pk, {"answer": "Five."})
