"""The public class ApprovalGate, held to docs/semantics.md to the letter."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group

from approvals import services
from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest, ApprovalStatus, Gate
from hitl_agents.context.run_context import RunContext
from ledger.clock import now
from ledger.errors import AlreadyDecided, BadInput, UnknownId
from ledger.models import Event
from ledger.tail import wait_until
from tests.support import sample_agents
from tests.support.driving import driven
from tests.support.people import asked, gate, otto, person, rita, root

database = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


def plainly(test: Callable[..., Any]) -> Callable[..., None]:
    """An async test in the test's own transaction: sync_to_async comes back to this thread."""

    @wraps(test)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        async_to_sync(test)(*args, **kwargs)

    return wrapper


PATIENCE = 25.0  # seconds; less than LOOK_AGAIN, so whoever goes on was woken
TIMEOUT = "Approval timeout - auto-rejected for safety"


async def made(name: str = "mail", **fields: Any) -> ApprovalGate:
    """The gate, its row changed by `fields`."""
    await sync_to_async(gate)(name, **fields)
    return await sync_to_async(ApprovalGate)(name)


async def fresh(request: ApprovalRequest) -> ApprovalRequest:
    return await sync_to_async(services.find_by_id)(request.pk)


# ---- Names, defaults, and what is async ----------------------------------------------------------


def test_the_status_values_are_lower_case_text() -> None:
    assert ApprovalStatus.values == [
        "pending",
        "approved",
        "rejected",
        "needs_revision",
        "cancelled",
    ]


def test_a_request_has_the_fields_of_the_pattern() -> None:
    request = asked(details={"a": 1}, risk_level="high")
    found = {
        name: getattr(request, name)
        for name in (
            "agent_id",
            "action",
            "details",
            "risk_level",
            "status",
            "reviewer",
            "feedback",
            "resolved_at",
        )
    }
    assert found == {
        "agent_id": "gated",
        "action": "tell",
        "details": {"a": 1},
        "risk_level": "high",
        "status": "pending",
        "reviewer": None,
        "feedback": "",
        "resolved_at": None,
    }
    assert abs((request.created_at - now()).total_seconds()) < 10


@pytest.mark.parametrize(
    ("name", "is_async", "signature"),
    [
        ("__init__", False, {"name": ..., "risk_threshold": "medium"}),
        (
            "request_approval",
            True,
            {"agent_id": ..., "action": ..., "details": ..., "risk_level": "medium"},
        ),
        ("wait_for_approval", True, {"request_id": ..., "timeout": 300.0}),
        ("approve", False, {"request_id": ..., "reviewer": ..., "feedback": ""}),
        ("reject", False, {"request_id": ..., "reviewer": ..., "feedback": ...}),
        ("request_revision", False, {"request_id": ..., "reviewer": ..., "feedback": ...}),
        ("set_approval_callback", False, {"callback": ...}),
    ],
)
def test_the_methods_take_what_the_page_says(
    name: str, is_async: bool, signature: dict[str, Any]
) -> None:
    method = getattr(ApprovalGate, name)
    assert inspect.iscoroutinefunction(method) == is_async
    parameters = list(inspect.signature(method).parameters.values())[1:]
    assert {
        one.name: ... if one.default is inspect.Parameter.empty else one.default
        for one in parameters
    } == signature


# ---- The gate's row ------------------------------------------------------------------------------


def test_a_gate_makes_its_row_which_reviewers_may_decide() -> None:
    place = ApprovalGate("new")
    row = Gate.objects.get(name="new")
    assert (place.name, place.risk_threshold) == ("new", "medium")
    assert row.deadline_seconds == 24 * 60 * 60
    assert list(row.deciders.values_list("name", flat=True)) == ["Reviewers"]


def test_a_gate_makes_the_group_of_reviewers_if_somebody_deleted_it() -> None:
    Group.objects.all().delete()
    ApprovalGate("new")
    assert Gate.objects.get().deciders.get().name == "Reviewers"


def test_an_existing_row_wins_over_the_argument() -> None:
    assert ApprovalGate("a", risk_threshold="critical").risk_threshold == "critical"
    assert ApprovalGate("a", risk_threshold="low").risk_threshold == "critical"
    Gate.objects.update(risk_threshold="high")
    assert ApprovalGate("a").risk_threshold == "high"
    assert Gate.objects.count() == 1


def test_an_edit_of_the_row_counts_for_a_gate_that_is_open() -> None:
    place = ApprovalGate("a")
    Gate.objects.update(risk_threshold="critical")
    assert place.risk_threshold == "critical"


@pytest.mark.parametrize("threshold", ["", None, "extreme", 3])
def test_a_threshold_other_than_the_four_is_refused(threshold: Any) -> None:
    with pytest.raises(BadInput) as error:
        ApprovalGate("a", risk_threshold=threshold)
    assert error.value.field == "risk_threshold"
    assert not Gate.objects.exists()


@pytest.mark.parametrize("name", ["", " ", None, "x" * 201, "a\0"])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(BadInput):
        ApprovalGate(name)


def test_pending_requests_maps_ids_to_the_open_requests_of_this_gate_and_is_read_only() -> None:
    place = ApprovalGate("mail")
    one, other = asked(risk_level="high"), asked(risk_level="critical")
    decided, late = asked(), asked()
    services.approve(decided.pk, by=rita())
    ApprovalRequest.objects.filter(pk=late.pk).update(deadline=now())
    asked(gate=gate("another"))
    waiting = place.pending_requests
    assert dict(waiting) == {other.pk: other, one.pk: one}
    assert list(waiting) == [other.pk, one.pk]
    with pytest.raises(TypeError):
        waiting[5] = one  # type: ignore[index]


# ---- Asking --------------------------------------------------------------------------------------


@plainly
async def test_asking_answers_at_once_with_the_stored_request() -> None:
    place = await made()
    request = await place.request_approval("agent-7", "send", {"to": "ana"}, "high")
    assert (request.status, request.agent_id) == ("pending", "agent-7")
    assert await fresh(request) == request
    assert dict(await sync_to_async(lambda: place.pending_requests)()) == {request.pk: request}


@plainly
async def test_the_default_risk_is_medium() -> None:
    place = await made()
    assert (await place.request_approval("a", "send", {})).risk_level == "medium"


@plainly
async def test_below_the_threshold_it_comes_back_approved_by_the_rule() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {}, "low")
    assert (request.status, request.resolution, request.reviewer) == ("approved", "rule", None)
    assert await place.wait_for_approval(request.pk, timeout=0.1) == request


@pytest.mark.parametrize("level", ["", None, "extreme", "Medium"])
@plainly
async def test_a_risk_other_than_the_four_raises_and_stores_nothing(level: Any) -> None:
    place = await made()
    called: list[Any] = []
    place.set_approval_callback(called.append)
    with pytest.raises(ValueError, match="no risk level"):
        await place.request_approval("a", "send", {}, level)
    assert not await ApprovalRequest.objects.aexists()
    assert called == []


@pytest.mark.parametrize("agent_id", [None, 5, ""])
@plainly
async def test_an_agent_id_is_text(agent_id: Any) -> None:
    place = await made()
    with pytest.raises(BadInput):
        await place.request_approval(agent_id, "send", {})


# ---- The callback --------------------------------------------------------------------------------


@plainly
async def test_an_async_callback_is_called_once_with_the_request_that_is_stored_already() -> None:
    place = await made()
    called: list[ApprovalRequest] = []

    async def callback(request: ApprovalRequest) -> str:
        called.append(await fresh(request))
        return "ignored"

    place.set_approval_callback(callback)
    request = await place.request_approval("a", "send", {})
    assert called == [request]
    assert (await fresh(request)).status == "pending"


@plainly
async def test_a_sync_callback_is_called_once_and_may_use_the_database() -> None:
    place = await made()
    reviewer = await sync_to_async(rita)()
    called: list[int] = []

    def callback(request: ApprovalRequest) -> None:
        called.append(request.pk)
        place.approve(request.pk, reviewer)

    place.set_approval_callback(callback)
    request = await place.request_approval("a", "send", {})
    assert called == [request.pk]
    assert (await place.wait_for_approval(request.pk, timeout=PATIENCE)).status == "approved"


@plainly
async def test_a_sync_callback_may_answer_with_something_to_await() -> None:
    place = await made()
    called: list[int] = []

    async def note(request: ApprovalRequest) -> None:
        called.append(request.pk)

    place.set_approval_callback(lambda request: note(request))
    request = await place.request_approval("a", "send", {})
    assert called == [request.pk]


@plainly
async def test_an_object_with_an_async_call_is_a_callback() -> None:
    place = await made()

    class Callback:
        called = 0

        async def __call__(self, request: ApprovalRequest) -> None:
            self.called += 1

    callback = Callback()
    place.set_approval_callback(callback)
    await place.request_approval("a", "send", {})
    assert callback.called == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
@plainly
async def test_a_callback_that_raises_is_logged_and_changes_nothing(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = await made()

    def fails(request: ApprovalRequest) -> None:
        raise RuntimeError("no pager")

    async def fails_later(request: ApprovalRequest) -> None:
        raise RuntimeError("no pager")

    place.set_approval_callback(fails if kind == "sync" else fails_later)
    request = await place.request_approval("a", "send", {})
    assert (await fresh(request)).status == "pending"
    assert "no pager" in caplog.text


@plainly
async def test_a_callback_can_be_taken_away() -> None:
    place = await made()
    called: list[Any] = []
    place.set_approval_callback(called.append)
    place.set_approval_callback(None)
    await place.request_approval("a", "send", {})
    assert called == []


# ---- Waiting -------------------------------------------------------------------------------------


async def decided_while_waiting(place: ApprovalGate, decide: Any, **wait: Any) -> ApprovalRequest:
    """What wait_for_approval answers when `decide(request)` happens while it sleeps."""
    request = await place.request_approval("a", "send", {"to": "ana"})
    waiting = asyncio.create_task(place.wait_for_approval(request.pk, **wait))
    await asyncio.sleep(0.05)  # it sleeps; were it not yet asleep, it would find the row decided
    await sync_to_async(decide)(request)
    return await asyncio.wait_for(waiting, PATIENCE)


@database
@pytest.mark.parametrize("as_text", [False, True])
async def test_a_decision_wakes_the_waiter(as_text: bool) -> None:
    place = await made()
    reviewer = await sync_to_async(rita)()
    request = await place.request_approval("a", "send", {})
    pk: Any = str(request.pk) if as_text else request.pk
    waiting = asyncio.create_task(place.wait_for_approval(pk))
    await sync_to_async(place.approve)(pk, reviewer, "Fine.")
    answer = await asyncio.wait_for(waiting, PATIENCE)
    assert (answer.pk, answer.status, answer.feedback) == (request.pk, "approved", "Fine.")
    assert answer.reviewer == reviewer


@database
@pytest.mark.parametrize(
    ("verb", "status"), [("reject", "rejected"), ("request_revision", "needs_revision")]
)
async def test_a_waiter_is_told_of_every_decision(verb: str, status: str) -> None:
    place = await made()
    reviewer = await sync_to_async(rita)()
    answer = await decided_while_waiting(
        place, lambda request: getattr(place, verb)(request.pk, reviewer, "Because.")
    )
    assert (answer.status, answer.feedback) == (status, "Because.")


@database
async def test_a_waiter_is_told_of_a_cancel() -> None:
    place = await made()
    answer = await decided_while_waiting(
        place, lambda request: services.cancel(request.pk, actor="system")
    )
    assert answer.status == "cancelled"


@database
async def test_a_waiter_gets_what_a_reviewer_edited_and_approved() -> None:
    place = await made()
    reviewer = await sync_to_async(rita)()
    answer = await decided_while_waiting(
        place,
        lambda one: services.edit_and_approve(one.pk, by=reviewer, details={"to": "bob"}),
    )
    assert (answer.status, answer.details) == ("approved", {"to": "bob"})


@plainly
async def test_at_the_timeout_the_waiter_itself_rejects() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {})
    began = time.monotonic()
    answer = await place.wait_for_approval(request.pk, timeout=0.2)
    assert 0.15 < time.monotonic() - began < PATIENCE
    assert (answer.status, answer.feedback, answer.reviewer) == ("rejected", TIMEOUT, None)
    assert answer.resolved_at is not None
    assert (await fresh(request)).resolution == "deadline"
    assert await place.wait_for_approval(request.pk, timeout=0.2) == answer


@plainly
async def test_at_the_gates_deadline_the_waiter_rejects_although_its_timeout_is_longer() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {})
    await ApprovalRequest.objects.aupdate(deadline=await sync_to_async(now)())
    answer = await place.wait_for_approval(request.pk, timeout=300)
    assert (answer.status, answer.feedback) == ("rejected", TIMEOUT)


@plainly
async def test_a_timeout_of_zero_rejects_at_once() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {})
    assert (await place.wait_for_approval(request.pk, timeout=0)).feedback == TIMEOUT


@database
async def test_the_timeout_is_the_deadline_for_everybody() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {})
    waiting = asyncio.create_task(place.wait_for_approval(request.pk, timeout=PATIENCE))

    def shortened() -> ApprovalRequest | None:
        row = services.find_by_id(request.pk)
        return row if row.shortened else None

    row = await wait_until(shortened, subject=request.subject, timeout=PATIENCE)
    assert row is not None
    assert row.deadline is not None
    assert (row.deadline - await sync_to_async(now)()).total_seconds() <= PATIENCE
    await sync_to_async(services.reject)(request.pk, by=await sync_to_async(root)(), feedback="No.")
    assert (await asyncio.wait_for(waiting, PATIENCE)).feedback == "No."


async def unbound(task: str, context: RunContext) -> list[bool]:
    """Waits at a gate that is not the run's, with the default timeout and with one of its own."""
    place = await sync_to_async(ApprovalGate)("mail")
    shortened = []
    for given in ({}, {"timeout": 60.0}):
        request = await place.request_approval("a", "send", {})
        shortened.append((await place.wait_for_approval(request.pk, **given)).shortened)
    return shortened


@database
def test_inside_a_run_the_default_leaves_the_deadline_alone_at_any_gate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate("mail")
    root()

    async def decided_at_once(ready: Any, *, subject: str, timeout: float) -> Any:
        pk = int(subject.rpartition(":")[2])
        await sync_to_async(services.reject)(pk, by="root", feedback="No.")
        return await sync_to_async(ready)()

    monkeypatch.setattr("approvals.gate.wait_until", decided_at_once)
    with sample_agents.in_catalogue(unbound):
        run = driven("unbound")
    assert run.result == [False, True]


@plainly
async def test_waiting_again_answers_the_same_and_decides_nothing() -> None:
    place = await made()
    request = await place.request_approval("a", "send", {})
    await sync_to_async(place.approve)(request.pk, await sync_to_async(rita)())
    events = await Event.objects.acount()
    for _ in range(2):
        assert (await place.wait_for_approval(request.pk, timeout=0)).status == "approved"
    assert await Event.objects.acount() == events


@database
async def test_waiting_without_a_timeout_and_without_a_deadline_waits() -> None:
    place = await made(deadline_seconds=None)
    answer = await decided_while_waiting(
        place, lambda one: place.approve(one.pk, root()), timeout=None
    )
    assert answer.status == "approved"
    assert answer.deadline is None


@database
async def test_many_waiters_are_served_by_one_follower_and_each_gets_its_own() -> None:
    place = await made()
    reviewer = await sync_to_async(rita)()
    requests = [await place.request_approval("a", "send", {"n": n}) for n in range(20)]
    waiting = [asyncio.create_task(place.wait_for_approval(one.pk)) for one in requests]
    for one in reversed(requests):
        await sync_to_async(place.approve)(one.pk, reviewer)
    answers = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
    assert [one.pk for one in answers] == [one.pk for one in requests]


@pytest.mark.parametrize("unknown", [999_999, "999999", "nonsense", None])
@plainly
async def test_an_unknown_id_is_a_key_error_that_names_it(unknown: Any) -> None:
    place = await made()
    with pytest.raises(KeyError, match=str(unknown)):
        await place.wait_for_approval(unknown, timeout=1)


# ---- Deciding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "reject", "request_revision"])
def test_each_verb_answers_the_request_and_sets_when_it_was_resolved(verb: str) -> None:
    request = asked()
    answer = getattr(ApprovalGate("mail"), verb)(request.pk, rita(), "Because.")
    assert answer.pk == request.pk
    assert answer.resolved_at is not None
    assert (answer.reviewer, answer.feedback) == (rita(), "Because.")


@pytest.mark.parametrize("verb", ["approve", "reject", "request_revision"])
def test_a_second_decision_raises(verb: str) -> None:
    request = asked()
    place = ApprovalGate("mail")
    place.approve(request.pk, rita())
    with pytest.raises(AlreadyDecided):
        getattr(place, verb)(request.pk, rita(), "Because.")


@pytest.mark.parametrize("verb", ["reject", "request_revision"])
def test_empty_feedback_is_refused(verb: str) -> None:
    request = asked()
    with pytest.raises(BadInput):
        getattr(ApprovalGate("mail"), verb)(request.pk, rita(), "")
    assert services.find_by_id(request.pk).status == "pending"


def test_a_reviewer_is_a_user_or_a_username_and_an_unknown_one_is_an_error() -> None:
    place = ApprovalGate("mail")
    person("rita", "Reviewers")
    assert place.approve(str(asked().pk), "rita").reviewer == rita()
    with pytest.raises(UnknownId, match="nobody"):
        place.approve(asked().pk, "nobody")
    with pytest.raises(Exception, match="may not decide"):
        place.approve(asked().pk, otto())
