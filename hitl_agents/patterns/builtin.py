"""The built-in agents."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from approvals import actions
from approvals.actions import ActionFailed
from hitl_agents.context.run_context import RunContext
from hitl_agents.context.surroundings import surroundings
from hitl_agents.llm import chat
from hitl_agents.llm.answers import Answer
from hitl_agents.llm.calls import ToolCall
from hitl_agents.patterns.gated import ApprovalGatedAgent, Outcome
from hitl_agents.patterns.lessons import lessons_for, told_in
from hitl_agents.prompts import shared
from ledger.errors import BadInput

MAX_ROUNDS = 10  # answers of the model in one task


async def gated(task: str, context: RunContext) -> dict[str, Any]:
    """Get a task done by registered actions, each asked for at the gate named gated.

    The model chooses by tool calling; the calls of one answer do not depend on each other and are
    asked together. Returns {"actions": [{action, details, status, result | reason}], "report"}.
    """
    agent = ApprovalGatedAgent(context.agent_id, context.model, context.gate("gated"))
    names = [action.name for action in actions.list_actions()]

    def read() -> dict[str, Any]:
        return {**lessons_for(context.agent_id, names), "surroundings": surroundings()}

    found = await context.read("lessons", read)
    messages = shared.choose_actions(task, told_in(found), found.get("surroundings", {}))
    done: list[dict[str, Any]] = []
    for _ in range(MAX_ROUNDS):
        answer = await _ask_model(context, messages)
        calls, words = answer.calls, answer.text
        if not calls:
            return {"actions": done, "report": words}
        results = await asyncio.gather(*(_one(agent, call, words) for call in calls))
        done += results
        messages = [*messages, _said(answer), *map(_told, calls, results)]
    return {"actions": done, "report": f"Stopped after {MAX_ROUNDS} answers of the model."}


async def _ask_model(context: RunContext, messages: shared.Messages) -> Answer:
    """The model's next answer. A malformed one is asked for once more, then it is an error."""
    tools = [action.tool() for action in actions.list_actions()]
    for attempt in (1, 2):
        answer = await chat.say(context.model, messages, tools=tools)
        problem = answer.problem
        if problem is None:
            return answer
        if problem.kind != "malformed" or attempt == 2:
            raise chat.ModelError(problem)
        messages = shared.nudge(
            messages, problem.message, "with well-formed tool calls or in words"
        )
    raise AssertionError("unreachable")


async def _one(agent: ApprovalGatedAgent, call: ToolCall, words: str) -> dict[str, Any]:
    """One call of the model, through its own gate; what is wrong with it is told to the model."""
    details = call.arguments or {}
    try:
        ended = await agent.ask_and_run(call.name, details, story=words)
    except BadInput as refusal:
        ended = Outcome("refused", call.name, details, reason=str(refusal))
    except ActionFailed as failure:
        ended = Outcome("failed", call.name, details, reason=str(failure))
    kept = asdict(ended)
    kept.pop("reason" if ended.status == "completed" else "result")
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


def _told(call: ToolCall, result: dict[str, Any]) -> dict[str, Any]:
    """What the model hears of a call; the arguments are named, since a person may have edited."""
    text = json.dumps(result, ensure_ascii=False, sort_keys=True)
    return {"role": "tool", "tool_call_id": call.id, "content": text}
