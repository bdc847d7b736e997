"""A gate inside a run: what is asked there, and the waiting for it, go through the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from approvals import services
from approvals.gate import Callback, call_back, gate_named
from approvals.models import ApprovalRequest
from hitl_agents.journal.journal import Journal
from ledger import canonical
from ledger.models import Run
from ledger.risk import RiskLevel


@dataclass(frozen=True)
class GateQuestion:
    """What is asked at a gate: may I do this?"""

    gate: str
    threshold: str
    agent_id: str
    action: str
    details: Any
    risk_level: Any
    story: str = ""
    previous: int | None = None
    risk_read: bool = True

    @property
    def name(self) -> str:
        return self.action

    @property
    def about(self) -> Any:
        # By everything that tells it from others: two gates asked side by side may not swap answers.
        who = {"gate": self.gate, "agent": self.agent_id}
        return {**who, "details": self.details, "after": self.previous}

    def store(self, run: Run, key: str) -> ApprovalRequest:
        """Ask, at the gate as it is now."""
        previous = None if self.previous is None else services.find_by_id(self.previous)
        return services.ask(
            gate=gate_named(self.gate, self.threshold),
            agent_id=self.agent_id,
            action=self.action,
            details=self.details,
            risk_level=self.risk_level,
            risk_read=self.risk_read,
            run=run,
            key=key,
            previous=previous,
            story=self.story,
        )


class BoundGate:
    """A gate inside a run: it asks and waits through the journal. It cannot decide."""

    def __init__(self, journal: Journal, name: str, risk_threshold: str = "medium") -> None:
        self.name = name
        self.risk_threshold = str(RiskLevel.parse(risk_threshold, "risk_threshold"))
        self.journal = journal
        self._callback: Callback | None = None

    def set_approval_callback(self, callback: Callback | None) -> None:
        """Have `callback(request)` (async or sync) called once for each request, not on replay."""
        self._callback = callback

    async def request_approval(
        self,
        agent_id: str,
        action: str,
        details: Any,
        risk_level: Any = "medium",
        *,
        key: str | None = None,
    ) -> ApprovalRequest:
        """Ask, once in the life of the run. `key` names the question where its details may vary.

        Raises BadInput as ApprovalGate.request_approval does.
        """
        threshold = self.risk_threshold
        question = GateQuestion(self.name, threshold, agent_id, action, details, risk_level)
        return await self.ask(question, key)

    async def ask(self, question: GateQuestion, key: str | None = None) -> ApprovalRequest:
        """request_approval() with everything that a question can carry."""
        canonical.canonical(question.details)  # BadInput for what is no JSON, as at any gate
        request, new = await self.journal.ask(question, key)
        if new:
            async with (
                self.journal.activity.in_flight()
            ):  # the run does not suspend in the middle of it
                await call_back(self._callback, request)
        found: ApprovalRequest = request
        return found

    async def wait_for_approval(
        self, request_id: Any, timeout: float | None = None
    ) -> ApprovalRequest:
        """Wait for the decision; the run costs nothing meanwhile and survives every restart.

        `timeout` (seconds) may shorten the gate's deadline once; without it that deadline counts.
        """
        decided: ApprovalRequest = await self.journal.wait(ApprovalRequest, request_id, timeout)
        return decided
