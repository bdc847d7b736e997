"""The agent class of gate approval: assess the risk, ask, wait, run what was approved."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async

from approvals import actions
from approvals.actions import ActionContext, ActionFailed
from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest, ApprovalStatus
from hitl_agents.context.gate import BoundGate, GateQuestion
from hitl_agents.context.in_program import LibraryRun
from hitl_agents.context.places import Place, ProgramPlace, RunPlace
from hitl_agents.context.surroundings import surroundings
from hitl_agents.llm import chat
from hitl_agents.llm.answers import Answer
from hitl_agents.llm.objects import json_object_in
from hitl_agents.llm.risk import read_risk
from hitl_agents.patterns.lessons import lessons_for, told_in
from hitl_agents.prompts import shared
from ledger.errors import BadInput, quoted
from ledger.risk import RiskLevel

MAX_REVISIONS = 5
Gate = ApprovalGate | BoundGate


@dataclass(frozen=True)
class Outcome:
    """How one action ended: what ran (`details` as a person may have edited them), or why not."""

    status: str  # completed | rejected
    action: str
    details: Any
    result: Any = None
    reason: str = ""


class ApprovalGatedAgent:
    """Runs actions that a person, or the gate's rule, has approved.

    `llm_client` is any object with `await chat.completions.create(model=…, messages=…)` of the
    openai package. With a gate of a run (`context.gate(…)`) every step goes through the journal;
    with an ApprovalGate the class works in any program that has Django set up.
    Only registered actions run, unless a subclass overrides `_execute`.
    """

    def __init__(self, agent_id: str, llm_client: Any, approval_gate: Gate) -> None:
        self.agent_id = agent_id
        self.llm_client = llm_client
        self.approval_gate = approval_gate
        self.risk_assessment_enabled = True

    async def execute_with_approval(self, action: str, details: Any) -> dict[str, Any]:
        """Run `action` with `details` (JSON) if it is approved.

        Answers {"status": "completed", "action", "result"} or {"status": "rejected", "reason"}.
        Raises BadInput for details that do not fit the action (nothing is asked then), and
        ActionFailed when the approved action is known to have failed.
        """
        ended = await self.ask_and_run(action, details)
        if ended.status == "rejected":
            return {"status": "rejected", "reason": ended.reason}
        return {"status": "completed", "action": action, "result": ended.result}

    async def ask_and_run(self, action: str, details: Any, *, story: str = "") -> Outcome:
        """As execute_with_approval, with what really ran; `story` is the agent's own words."""
        self._check(action, details)
        if isinstance(self.approval_gate, BoundGate):
            return await self._in_place(RunPlace(self.approval_gate), action, details, story)
        async with LibraryRun(self.agent_id) as run:
            place = ProgramPlace(run, self.approval_gate)
            ended = await self._in_place(place, action, details, story)
            await run.complete({"status": ended.status, "reason": ended.reason})
            return ended

    # ---- What subclasses may change ---------------------------------------------------------

    async def _execute(self, action: str, details: Any) -> Any:
        """Really do it, after approval; returns JSON. Overridden by agents with own actions."""
        raise ActionFailed(f"{action} is no registered action.")

    def _check(self, action: str, details: Any) -> None:
        declared = actions.get(action)
        if declared is not None:
            declared.validate(details)
        elif type(self)._execute is ApprovalGatedAgent._execute:
            known = ", ".join(one.name for one in actions.list_actions())
            raise BadInput(
                "action", f"There is no action {quoted(action)}; known actions: {known}."
            )

    # ---- Asking -----------------------------------------------------------------------------

    async def _in_place(self, place: Place, action: str, details: Any, story: str) -> Outcome:
        """Ask, wait, revise as often as people want (at most 5 times), then run what counts."""
        risk = await self._assess(action, details)
        question = GateQuestion(
            place.gate_name,
            place.risk_threshold,
            self.agent_id,
            action,
            details,
            risk or RiskLevel.MEDIUM,
            story,
            risk_read=risk is not None,
        )
        decided = await place.wait(await place.ask(question))
        while decided.status == ApprovalStatus.NEEDS_REVISION:
            if decided.revision > MAX_REVISIONS:
                reason = f"Not approved after {MAX_REVISIONS} revisions."
                return Outcome("rejected", action, decided.details, reason=reason)
            revised = await self._revise(decided)
            if revised is None:
                reason = f"The model gave no usable revision. Wanted was: {decided.feedback}"
                return Outcome("rejected", action, decided.details, reason=reason)
            again = replace(question, details=revised, previous=decided.pk)
            decided = await place.wait(await place.ask(again))
        if decided.status != ApprovalStatus.APPROVED:
            return Outcome("rejected", action, decided.details, reason=decided.feedback)
        return await self._run_approved(place, decided)

    async def _run_approved(self, place: Place, decided: ApprovalRequest) -> Outcome:
        declared = actions.get(decided.action)
        result = await place.act(
            decided,
            lambda context: self._do(decided.action, decided.details, context),
            idempotent=declared is not None and declared.idempotent,
        )
        return Outcome("completed", decided.action, decided.details, result=result)

    # ---- The model's part -------------------------------------------------------------------

    async def _assess(self, action: str, details: Any) -> RiskLevel | None:
        """What the model says; None where that cannot be read. Without assessment it is medium."""
        if not self.risk_assessment_enabled:
            return RiskLevel.MEDIUM
        messages = shared.assess_risk(action, details)
        return read_risk(await chat.say(self.llm_client, messages, model=chat.risk_model_name()))

    async def _revise(self, decided: ApprovalRequest) -> Any:
        """New arguments that heed the feedback; None if two answers were unusable."""
        read = await self._lessons(decided)
        messages = shared.revise(
            decided.action,
            decided.details,
            decided.feedback,
            told_in(read),
            read.get("surroundings", shared.NOTHING),
        )
        declared = actions.get(decided.action)
        for _ in range(2):
            answer = await chat.say(self.llm_client, messages)
            revised = _arguments_in(answer, decided.action)
            if revised is not None and (declared is None or not declared.problems(revised)):
                return revised
            messages = shared.ask_again(messages, answer.text, _names(decided.details))
        return None

    async def _lessons(self, decided: ApprovalRequest) -> dict[str, Any]:
        """What people decided before on this action: read once in a run, and shown on its page."""
        gate, agent_id, action = self.approval_gate, self.agent_id, decided.action

        def read() -> dict[str, Any]:
            return {**lessons_for(agent_id, [action]), "surroundings": surroundings()}

        if isinstance(gate, BoundGate):
            # By the request, not by the action: of two revised side by side each has its own.
            found = await gate.journal.read("lessons", read, f"lessons/{decided.pk}")
        else:
            found = await sync_to_async(read)()
        known: dict[str, Any] = found
        return known

    # ---- Doing ------------------------------------------------------------------------------

    async def _do(self, action: str, details: Any, context: ActionContext) -> Any:
        """Run a registered action, or the subclass's own, on the approved arguments."""
        declared = actions.get(action)
        if declared is None or type(self)._execute is not ApprovalGatedAgent._execute:
            return await self._execute(action, details)
        arguments = declared.validate(details)
        if inspect.iscoroutinefunction(declared.run):
            return await declared.run(arguments, context)
        # It may use the database; the thread's connection is given back afterwards.
        run = database_sync_to_async(declared.run, thread_sensitive=False)
        return await run(arguments, context)


def _names(details: Any) -> list[str]:
    return list(details) if isinstance(details, dict) else []


def _arguments_in(answer: Answer, action: str) -> dict[str, Any] | None:
    """The revised arguments: of a call of that action, or the one JSON object in the text."""
    if answer.cut_off:
        return None
    if answer.calls:
        return answer.calls[0].arguments if answer.calls[0].name == action else None
    found = json_object_in(answer.text)
    wrapped = found is not None and found.get("name") == action and found.get("arguments")
    return wrapped if isinstance(wrapped, dict) else found
