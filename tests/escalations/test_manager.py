"""The manager in a program: handlers that answer and handlers that do not, and the wait for people."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from escalations import services
from escalations.manager import EscalationManager
from escalations.models import Escalation
from hitl_agents.context.run_context import RunContext
from ledger.errors import BadInput, UnknownId
from ledger.models import Event
from tests.support import people, sample_agents
from tests.support.driving import driven
from tests.support.escalated import CONTEXT

pytestmark = pytest.mark.django_db(transaction=True)

ASKED: dict[str, Any] = {"agent_id": "desk", "reason": "Not sure.", "context": CONTEXT}


def why() -> str:
    """What the log says about the handler that gave no answer."""
    said: str = Event.objects.get(kind="escalations.handler_failed").payload["why"]
    return said


async def answer_it(escalation_id: int, answer: str = "Ten.") -> Escalation:
    return await sync_to_async(services.answer)(escalation_id, by="rita", answer=answer)


@pytest.fixture
def manager() -> EscalationManager:
    people.rita()
    return EscalationManager()


# ---- Handlers


async def test_without_a_handler_it_waits_for_a_person(manager: EscalationManager) -> None:
    told = await manager.escalate(**ASKED)
    row = await manager.escalations.aget()
    assert told == {"status": "escalated", "escalation_id": row.pk}
    assert (row.status, row.type) == ("pending", "general")


async def test_a_handler_of_another_type_is_not_asked(manager: EscalationManager) -> None:
    manager.register_handler("money", lambda asked: {"answer": "No."})
    told = await manager.escalate(**ASKED)
    assert told["status"] == "escalated"


async def test_an_async_handler_answers_at_once(manager: EscalationManager) -> None:
    seen: list[dict[str, Any]] = []

    async def handler(asked: dict[str, Any]) -> dict[str, Any]:
        seen.append(asked)
        return {"answer": "Ten."}

    manager.register_handler("money", handler)
    assert await manager.escalate(**ASKED, escalation_type="money") == {"answer": "Ten."}
    row = await manager.escalations.aget()
    assert (row.status, row.response) == ("handled", {"answer": "Ten."})
    (asked,) = seen
    assert asked == {
        "id": row.pk,
        "agent_id": "desk",
        "reason": "Not sure.",
        "context": CONTEXT,
        "type": "money",
        "timestamp": row.created_at.isoformat(),
        "status": "pending",
    }


async def test_a_sync_handler_may_use_the_database(manager: EscalationManager) -> None:
    manager.register_handler("money", lambda asked: services.find_by_id(asked["id"]).reason)
    assert await manager.escalate(**ASKED, escalation_type="money") == "Not sure."


@pytest.mark.parametrize("answer", [{"answer": "x"}, "words", 0, False, [], {}])
async def test_whatever_json_a_handler_returns_is_the_answer(
    manager: EscalationManager, answer: Any
) -> None:
    manager.register_handler("money", lambda asked: answer)
    assert await manager.escalate(**ASKED, escalation_type="money") == answer


def broken(asked: dict[str, Any]) -> None:
    raise RuntimeError("The law library is closed.")


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (broken, "RuntimeError: The law library is closed."),
        (lambda asked: None, "It returned nothing."),
        (lambda asked: {1, 2}, "response: set is not JSON."),
        (lambda asked: "x" * 300_000, "response: larger than 262,144 bytes as canonical JSON."),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_handler_that_does_not_answer_leaves_it_to_a_person(
    manager: EscalationManager, handler: Any, said: str, kind: str
) -> None:
    async def wrapped(asked: dict[str, Any]) -> Any:
        return handler(asked)

    manager.register_handler("money", handler if kind == "sync" else wrapped)
    told = await manager.escalate(**ASKED, escalation_type="money")
    assert told["status"] == "escalated"
    row = await manager.escalations.aget()
    assert (row.status, row.handler) == ("pending", "failed")
    assert await sync_to_async(why)() == said
    await answer_it(row.pk)
    assert (await manager.wait_for_answer(row.pk)).response == "Ten."


async def test_an_async_handler_that_hangs_is_cut_off() -> None:
    manager = EscalationManager(handler_seconds=0.05)
    ended = asyncio.Event()

    async def handler(asked: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    manager.register_handler("money", handler)
    told = await manager.escalate(**ASKED, escalation_type="money")
    assert told["status"] == "escalated"
    assert await sync_to_async(why)() == "It did not answer within 0.05 seconds."
    await ended.wait()


async def test_one_that_swallows_its_cancellation_is_cut_off_too() -> None:
    manager = EscalationManager(handler_seconds=0.05)
    release = asyncio.Event()

    async def handler(asked: dict[str, Any]) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    manager.register_handler("money", handler)
    told = await manager.escalate(**ASKED, escalation_type="money")
    assert told["status"] == "escalated"
    release.set()


async def test_a_sync_handler_that_hangs_is_cut_off_and_what_it_says_later_is_not_taken() -> None:
    manager = EscalationManager(handler_seconds=0.05)
    release, over = threading.Event(), threading.Event()

    def handler(asked: dict[str, Any]) -> str:
        release.wait(20)
        over.set()
        return "Too late."

    manager.register_handler("money", handler)
    told = await manager.escalate(**ASKED, escalation_type="money")
    release.set()
    await asyncio.to_thread(over.wait, 20)
    row = await manager.escalations.aget(pk=told["escalation_id"])
    assert (row.status, row.response) == ("pending", None)


async def test_a_person_who_answers_before_the_handler_is_first(
    manager: EscalationManager,
) -> None:
    async def handler(asked: dict[str, Any]) -> str:
        await answer_it(asked["id"], "Ten, says a person.")
        return "Five."

    manager.register_handler("money", handler)
    told = await manager.escalate(**ASKED, escalation_type="money")
    assert told["status"] == "escalated"
    row = await manager.wait_for_answer(told["escalation_id"])
    assert (row.status, row.response) == ("answered", "Ten, says a person.")


@pytest.mark.parametrize("name", ["", " ", None, "x" * 201])
def test_a_handler_needs_a_type(manager: EscalationManager, name: Any) -> None:
    with pytest.raises(BadInput):
        manager.register_handler(name, broken)


async def test_context_that_is_no_json_is_refused_with_the_limit(
    manager: EscalationManager,
) -> None:
    with pytest.raises(BadInput, match="262,144 bytes"):
        await manager.escalate("desk", "Not sure.", {"text": "x" * 300_000})
    with pytest.raises(BadInput, match="context: object is not JSON"):
        await manager.escalate("desk", "Not sure.", {"thing": object()})
    assert not await manager.escalations.aexists()


# ---- Waiting


async def test_the_wait_ends_with_the_answer(manager: EscalationManager) -> None:
    told = await manager.escalate(**ASKED)
    waiting = asyncio.create_task(manager.wait_for_answer(told["escalation_id"]))
    await answer_it(told["escalation_id"])
    row = await asyncio.wait_for(waiting, 20)
    assert (row.status, row.response) == ("answered", "Ten.")


async def test_the_wait_ends_with_a_dismissal(manager: EscalationManager) -> None:
    told = await manager.escalate(**ASKED)
    await sync_to_async(services.dismiss)(told["escalation_id"], by="rita")
    row = await manager.wait_for_answer(str(told["escalation_id"]))
    assert (row.status, row.response) == ("dismissed", None)


async def test_at_its_timeout_the_waiter_ends_it_without_an_answer(
    manager: EscalationManager,
) -> None:
    told = await manager.escalate(**ASKED)
    row = await manager.wait_for_answer(told["escalation_id"], timeout=0.01)
    assert (row.status, row.response, row.resolution) == ("expired", None, "deadline")
    assert row.resolved_at is not None


async def unbound(task: str, context: RunContext) -> list[bool]:
    """Waits with a manager that is not the run's, by default and with a timeout of its own."""
    manager = EscalationManager()
    shortened = []
    for given in ({}, {"timeout": 60.0}):
        told = await manager.escalate(**ASKED)
        ended = await manager.wait_for_answer(told["escalation_id"], **given)
        shortened.append(ended.shortened)
    return shortened


def test_inside_a_run_the_default_leaves_the_deadline_alone_with_any_manager(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people.rita()

    async def answered_at_once(ready: Any, *, subject: str, timeout: float) -> Any:
        await answer_it(int(subject.rpartition(":")[2]))
        return await sync_to_async(ready)()

    monkeypatch.setattr("escalations.manager.wait_until", answered_at_once)
    with sample_agents.in_catalogue(unbound):
        run = driven("unbound")
    assert run.result == [False, True]


async def test_an_unknown_id_is_named(manager: EscalationManager) -> None:
    with pytest.raises(UnknownId, match="4711"):
        await manager.wait_for_answer(4711)
