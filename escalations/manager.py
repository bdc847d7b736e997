"""The manager as agents and programs use it: ask, be handled, wait. Works in any process with Django."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from escalations import services
from escalations.handlers import calling
from escalations.handlers.calling import Handler
from escalations.models import Escalation, EscalationStatus
from ledger.clock import now
from ledger.requests import timeouts
from ledger.requests.asking import check_name
from ledger.requests.models import RequestQuerySet
from ledger.tail import wait_until


class EscalationManager:
    """Takes what agents are unsure about to handlers of the program, and else to people."""

    def __init__(self, *, handler_seconds: float = calling.SECONDS) -> None:
        self.handler_seconds = handler_seconds
        self._handlers: dict[str, Handler] = {}

    @property
    def escalations(self) -> RequestQuerySet:
        """Every escalation there is, as a queryset."""
        found: RequestQuerySet = Escalation.objects.all()
        return found

    def register_handler(self, type: str, handler: Handler) -> None:
        """Have `handler` (async or sync) answer what is escalated with that type from now on.

        It gets a dict: id, agent_id, reason, context, type, timestamp, status; and returns JSON.
        """
        check_name("type", type)
        self._handlers[type] = handler

    async def escalate(
        self,
        agent_id: str,
        reason: str,
        context: Any,
        escalation_type: str = "general",
        *,
        threshold: float | None = None,
    ) -> Any:
        """Ask. Never waits for a person: the handler's answer, or that it is escalated.

        That is {"status": "escalated", "escalation_id"}; wait_for_answer() waits. `threshold` is
        the confidence that was needed, for the page. Raises BadInput for what is no JSON or too
        large; nothing is stored then.
        """
        escalation = await sync_to_async(services.ask)(
            agent_id=agent_id,
            reason=reason,
            context=context,
            type=escalation_type,
            threshold=threshold,
        )
        handler = self._handlers.get(escalation_type)
        if handler is not None:
            in_thread = sync_to_async(_call)
            handled = await calling.offer(escalation, handler, in_thread, self.handler_seconds)
            if handled is not None:
                return handled.response
        return report_escalated(escalation)

    async def wait_for_answer(
        self, escalation_id: object, timeout: float | None = timeouts.DEFAULT
    ) -> Escalation:
        """Wait until the escalation is no longer pending and return it.

        When `timeout` (seconds) or its deadline passes first, the waiter itself ends it as
        expired; nobody's answer is made up. A timeout shortens the deadline once; in the code of
        a run the default leaves it alone. Raises UnknownId.
        """
        timeout = timeouts.resolve_timeout(timeout)
        escalation = await sync_to_async(services.find_by_id)(escalation_id)
        if timeout is not None and escalation.status == EscalationStatus.PENDING:
            escalation = await sync_to_async(services.shorten)(escalation.pk, timeout)
        pk, subject = escalation.pk, escalation.subject
        while True:
            seconds = await sync_to_async(_seconds_left)(pk)
            ended = await wait_until(lambda: _find_ended(pk), subject=subject, timeout=seconds)
            if ended is not None:
                return ended
            await sync_to_async(services.expire)(pk)


class Escalated(dict[str, Any]):
    """What an agent is told that has to wait for a person: {"status", "escalation_id"}.

    Its type, and not its words, tells it from a handler's answer, which may be any JSON.
    """


def report_escalated(escalation: Escalation) -> Escalated:
    """That nobody has handled it."""
    return Escalated(status="escalated", escalation_id=escalation.pk)


def reply(escalation: Escalation) -> dict[str, Any]:
    """What became of an escalation, as JSON for its agent: with "answer" when a person gave one."""
    told = {"status": str(escalation.status), "escalation_id": escalation.pk}
    if escalation.status == EscalationStatus.ANSWERED:
        told["answer"] = escalation.response
    if escalation.reviewer is not None:
        told["reviewer"] = escalation.reviewer.get_username()
    if escalation.feedback:
        told["feedback"] = escalation.feedback
    return told


def _call(function: Any) -> Any:
    return function()


def _find_ended(pk: int) -> Escalation | None:
    escalation = services.find_by_id(pk)
    return None if escalation.status == EscalationStatus.PENDING else escalation


def _seconds_left(pk: int) -> float | None:
    """Until the deadline, which somebody may have shortened meanwhile; None without one."""
    deadline = Escalation.objects.values_list("deadline", flat=True).get(pk=pk)
    return None if deadline is None else max(0.0, (deadline - now()).total_seconds())
