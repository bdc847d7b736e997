"""Carrying out one step: the model says what to call, and every call passes its gate."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from approvals import actions
from approvals.actions import Action, ActionFailed
from approvals.gate import ApprovalGate
from hitl_agents.context.gate import BoundGate
from hitl_agents.llm import chat
from hitl_agents.llm.answers import Answer
from hitl_agents.llm.calls import ToolCall
from hitl_agents.patterns.gated import ApprovalGatedAgent, Outcome
from hitl_agents.prompts import plans, shared
from hitl_agents.prompts.shared import Messages
from ledger.errors import BadInput

MAX_ROUNDS = 8  # answers of the model in one step


class NotDone(Exception):
    """The step is known not to have been done; the text is for people."""


async def carry_out(
    agent_id: str,
    client: Any,
    gate: ApprovalGate | BoundGate,
    about: Mapping[str, Any],
    allowed: Collection[str] | None,
) -> dict[str, Any]:
    """Do the step that `about` describes: {"said": the model's words, "actions": [outcomes]}.

    `allowed` are the actions that the step may use; None: every registered one. A rejection, a
    failed action and a model that never comes to an end raise NotDone. A server that does not take
    tools is asked in plain words; where the step names actions, which need them, it is NotDone.
    """
    known = [one for one in actions.list_actions() if allowed is None or one.name in allowed]
    agent = ApprovalGatedAgent(agent_id, client, gate)
    messages = plans.carry_out(dict(about))
    done: list[dict[str, Any]] = []
    for _ in range(MAX_ROUNDS):
        try:
            answer = await _ask(client, messages, known)
        except chat.ModelError as error:
            if done or not known or not chat.not_taken(error):
                raise
            if allowed:
                raise NotDone(
                    f"{error} Without tools the step cannot call {_names(known)}."
                ) from error
            known, messages = [], plans.in_words(messages)
            answer = await _ask(client, messages, known)
        calls, words = answer.calls, answer.text
        if not calls:
            return {"said": words, "actions": done}
        messages = [*messages, _said(answer)]
        for call in calls:
            ended = await _one(agent, call, words, known)
            done.append(ended)
            messages.append(_told(call, ended))
    raise NotDone(f"The model came to no end in {MAX_ROUNDS} answers.")


async def _ask(client: Any, messages: Messages, known: list[Action]) -> Answer:
    """The model's next answer. A malformed one is asked for once more."""
    tools = {"tools": [one.tool() for one in known]} if known else {}
    for attempt in (1, 2):
        answer = await chat.ask(client, messages, **tools)
        problem = answer.problem
        if problem is None:
            return answer
        if problem.kind != "malformed" or attempt == 2:
            raise chat.ModelError(problem)
        messages = shared.nudge(
            messages, problem.message, "with well-formed tool calls or in words"
        )
    raise AssertionError("unreachable")


async def _one(
    agent: ApprovalGatedAgent, call: ToolCall, words: str, known: list[Action]
) -> dict[str, Any]:
    """One call through its gate; what is wrong with the call itself is told to the model."""
    details = call.arguments or {}
    if call.name not in {one.name for one in known}:
        reason = f"This step may not use {call.name}; it may use: {_names(known) or 'none'}."
        return {"status": "refused", "action": call.name, "details": details, "reason": reason}
    try:
        ended = await agent.ask_and_run(call.name, details, story=words)
    except BadInput as refusal:
        reason = str(refusal)
        return {"status": "refused", "action": call.name, "details": details, "reason": reason}
    except ActionFailed as failure:
        raise NotDone(f"{call.name} failed: {failure}") from failure
    if ended.status != "completed":
        raise NotDone(f"{call.name} was not approved: {ended.reason or 'no reason was given'}")
    return _kept(ended)


def _names(known: list[Action]) -> str:
    return ", ".join(one.name for one in known)


def _kept(ended: Outcome) -> dict[str, Any]:
    kept = asdict(ended)
    kept.pop("reason")
    return kept


def _said(answer: Answer) -> dict[str, Any]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments_text},
        }
        for call in answer.calls
    ]
    return {"role": "assistant", "content": answer.text, "tool_calls": calls}


def _told(call: ToolCall, ended: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(ended, ensure_ascii=False, sort_keys=True)
    return {"role": "tool", "tool_call_id": call.id, "content": text}
