"""The manager inside a run: what is escalated there, and the waiting for it, go through the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from escalations import services
from escalations.asking import check_context
from escalations.handlers import calling
from escalations.handlers.calling import Handler
from escalations.manager import report_escalated
from escalations.models import Escalation, EscalationStatus
from hitl_agents.journal.journal import Journal
from ledger.models import Run
from ledger.requests.asking import check_name


@dataclass(frozen=True)
class UnsureQuestion:
    """What is escalated: I am not sure."""

    agent_id: str
    reason: str
    context: Any
    type: str
    threshold: float | None = None

    @property
    def name(self) -> str:
        return self.type

    @property
    def about(self) -> Any:
        # Whether its confidence could be read makes it no other question: earlier versions do not say.
        context = self.context
        if isinstance(context, dict):
            context = {name: one for name, one in context.items() if name != "confidence_read"}
        return {"agent": self.agent_id, "reason": self.reason, "context": context}

    def store(self, run: Run, key: str) -> Escalation:
        """Ask, under the rule that holds now."""
        return services.ask(
            agent_id=self.agent_id,
            reason=self.reason,
            context=self.context,
            type=self.type,
            threshold=self.threshold,
            run=run,
            key=key,
        )


class BoundManager:
    """An escalation manager inside a run: it asks and waits through the journal. It cannot answer."""

    def __init__(self, journal: Journal, handler_seconds: float = calling.SECONDS) -> None:
        self.journal = journal
        self.handler_seconds = handler_seconds
        self._handlers: dict[str, Handler] = {}

    def register_handler(self, type: str, handler: Handler) -> None:
        """As EscalationManager.register_handler; called once for each escalation, not on replay."""
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
        key: str | None = None,
    ) -> Any:
        """As EscalationManager.escalate, once in the life of the run.

        `key` names the question where its reason or context may vary.
        """
        check_context(context)
        question = UnsureQuestion(agent_id, reason, context, escalation_type, threshold)
        escalation, _ = await self.journal.ask(question, key)
        handler = self._handlers.get(escalation_type)
        if handler is not None and escalation.status == EscalationStatus.PENDING:
            async with (
                self.journal.activity.in_flight()
            ):  # the run does not suspend in the middle of it
                in_thread, seconds = self.journal.in_thread, self.handler_seconds
                handled = await calling.offer(escalation, handler, in_thread, seconds)
            escalation = handled or escalation
        if escalation.status != EscalationStatus.HANDLED:
            return report_escalated(escalation)
        taken = await self.wait_for_answer(escalation.pk)  # there already: it is noted as taken up
        return taken.response

    async def wait_for_answer(self, escalation_id: Any, timeout: float | None = None) -> Escalation:
        """Wait until it is no longer pending; the run costs nothing meanwhile.

        `timeout` (seconds) may shorten its deadline once; without it that deadline counts.
        """
        ended: Escalation = await self.journal.wait(Escalation, escalation_id, timeout)
        return ended
