"""Calling a program's handler: async or sync, for so long and no longer."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.db import connections

from escalations.handlers import handling
from escalations.models import Escalation
from ledger.errors import BadInput, Refused

log = logging.getLogger(__name__)

SECONDS = 30.0  # that a handler may take
Handler = Callable[[dict[str, Any]], Awaitable[Any] | Any]
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


def describe(escalation: Escalation) -> dict[str, Any]:
    """An escalation as handlers get it."""
    return {
        "id": escalation.pk,
        "agent_id": escalation.agent_id,
        "reason": escalation.reason,
        "context": escalation.context,
        "type": escalation.type,
        "timestamp": escalation.created_at.isoformat(),
        "status": str(escalation.status),
    }


async def offer(
    escalation: Escalation, handler: Handler, in_thread: InThread, seconds: float = SECONDS
) -> Escalation | None:
    """Have the handler answer, once in the escalation's life. The handled escalation, or None.

    One that raises, returns nothing or something that is no JSON, or takes too long leaves the
    question to a person, and the log says why. `in_thread` runs a function that uses the database.
    """
    pk = escalation.pk
    if not await in_thread(lambda: handling.begin(pk)):
        return None
    try:
        response = await _call(handler, describe(escalation), seconds)
        handled: Escalation = await in_thread(lambda: handling.handle(pk, response))
        return handled
    except Refused:
        return None  # a person or the deadline was first
    except (_NoAnswer, BadInput) as error:
        why = str(error)
    except Exception as error:
        log.exception("The handler of %s failed.", escalation.subject)
        why = f"{type(error).__name__}: {error}"
    log.warning("%s goes to a person: %s", escalation.subject, why)
    await in_thread(lambda: handling.fail(pk, why))
    return None


class _NoAnswer(Exception):
    """The handler came to no answer; the text says why."""


async def _call(handler: Handler, asked: dict[str, Any], seconds: float) -> Any:
    answering = asyncio.ensure_future(_answer(handler, asked))
    try:
        # Not wait_for(), which would wait for a handler that does not let itself be cancelled.
        done, _ = await asyncio.wait({answering}, timeout=seconds)
    finally:
        answering.cancel()
    if not done:
        raise _NoAnswer(f"It did not answer within {seconds:g} seconds.")
    if answering.cancelled():
        raise _NoAnswer("It cancelled itself.")
    answer = answering.result()
    if answer is None:
        raise _NoAnswer("It returned nothing.")
    return answer


async def _answer(handler: Handler, asked: dict[str, Any]) -> Any:
    if iscoroutinefunction(handler) or iscoroutinefunction(type(handler).__call__):
        answer = handler(asked)
    else:
        answer = await _run_in_own_thread(handler, asked)
    return await answer if inspect.isawaitable(answer) else answer


async def _run_in_own_thread(handler: Handler, asked: dict[str, Any]) -> Any:
    """A sync handler runs in a thread of its own, so that one that hangs keeps nothing else waiting."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(answer: Any, error: BaseException | None) -> None:
        if future.done():
            return  # it came too late
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)

    def work() -> None:
        answer, error = None, None
        try:
            answer = handler(asked)
        except Exception as raised:
            error = raised
        finally:
            connections.close_all()
        try:
            loop.call_soon_threadsafe(settle, answer, error)
        except RuntimeError:
            log.debug("A handler answered after its program had ended.")

    threading.Thread(target=work, name="hitl-handler", daemon=True).start()
    return await future
