"""The place where an agent's class stands: inside a run of the runner, or in another program.

Both offer the same three steps: ask, wait, act. In a run they are answered from the journal on
replay; in a program they are journaled and happen once, in memory.
"""

from __future__ import annotations

from typing import Any, Protocol

from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest
from hitl_agents.context.gate import BoundGate, GateQuestion
from hitl_agents.context.in_program import LibraryRun
from hitl_agents.journal.actions import Effect


class Place(Protocol):
    gate_name: str
    risk_threshold: str  # of a gate that is made by being asked at

    async def ask(self, question: GateQuestion) -> ApprovalRequest: ...

    async def wait(self, request: ApprovalRequest) -> ApprovalRequest: ...

    async def act(self, request: ApprovalRequest, effect: Effect, *, idempotent: bool) -> Any: ...


class RunPlace:
    """The runner replays: each step is looked up in the journal first."""

    def __init__(self, gate: BoundGate) -> None:
        self._gate = gate
        self.gate_name = gate.name
        self.risk_threshold = gate.risk_threshold

    async def ask(self, question: GateQuestion) -> ApprovalRequest:
        return await self._gate.ask(question)

    async def wait(self, request: ApprovalRequest) -> ApprovalRequest:
        return await self._gate.wait_for_approval(request.pk)

    async def act(self, request: ApprovalRequest, effect: Effect, *, idempotent: bool) -> Any:
        return await self._gate.journal.act(
            request.action,
            request.details,
            effect,
            idempotent=idempotent,
            request_id=request.pk,
        )


class ProgramPlace:
    """The program waits in memory at its own gate; nothing is replayed."""

    def __init__(self, run: LibraryRun, gate: ApprovalGate) -> None:
        self._run = run
        self._gate = gate
        self.gate_name = gate.name
        self.risk_threshold = "medium"  # says nothing: this gate has its row already

    async def ask(self, question: GateQuestion) -> ApprovalRequest:
        request = await self._run.ask(question)
        await self._gate.call_back(request)
        return request

    async def wait(self, request: ApprovalRequest) -> ApprovalRequest:
        decided = await self._gate.wait_for_approval(request.pk)
        await self._run.note_delivered()
        return decided

    async def act(self, request: ApprovalRequest, effect: Effect, *, idempotent: bool) -> Any:
        return await self._run.act(request.action, request.details, effect, request.pk)
