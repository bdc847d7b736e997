"""The agent that works out a plan together with people, then carries it out step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async

from approvals import actions
from approvals.gate import ApprovalGate
from hitl_agents.context.gate import BoundGate
from hitl_agents.context.model import BoundModel
from hitl_agents.context.planning import Desk, ProgramDesk, RunDesk, next_for
from hitl_agents.context.surroundings import surroundings
from hitl_agents.llm.chat import ModelError
from hitl_agents.patterns.plan_drafts import NoPlan, as_text, draft
from hitl_agents.patterns.plan_steps import NotDone, carry_out
from hitl_agents.prompts import plans
from hitl_agents.prompts.shared import Messages
from plans import asking, progress
from plans.lookup import find_by_id, steps_of, version_of
from plans.models import PlanTurn
from plans.versions.steps import Step
from plans.versions.storing import Draft

GATE = "interactive"


class InteractiveAgent:
    """Proposes a plan, revises it after feedback, and does its steps.

    `llm_client` is any object with `await chat.completions.create(model=…, messages=…)` of the
    openai package. With a run's client (`context.model`) everything goes through the run's
    journal; with any other the class works in every program that has Django set up. The actions of
    steps pass `approval_gate`, by default the gate named `interactive`.

    `conversation_history` is a list of {"role", "content"}: one entry for each proposal, two for
    each feedback that was answered by a version; none where the model gave none.
    """

    def __init__(
        self, agent_id: str, llm_client: Any, approval_gate: ApprovalGate | BoundGate | None = None
    ) -> None:
        self.agent_id = agent_id
        self.llm_client = llm_client
        self.conversation_history: list[dict[str, str]] = []
        self.plan_id: int | None = None
        self._gate = approval_gate
        in_run = isinstance(llm_client, BoundModel)
        self._desk: Desk = RunDesk(llm_client.journal) if in_run else ProgramDesk()

    async def propose_plan(self, goal: str) -> dict[str, Any]:
        """A plan for the goal, put before people.

        Answers {"plan": text, "awaiting_feedback": True}, besides plan_id, version, steps,
        decisions, risks and questions. Raises NoPlan (the plan has failed then, and its page
        shows what the model said) or ModelError.
        """
        begun = await self._desk.begin(self.agent_id, goal, _known())
        self.plan_id = begun.plan_id
        messages = plans.propose(goal, actions.list_actions(), begun.surroundings)
        found, _ = await self._offer(messages, [], based_on=0)
        self._note("assistant", found["plan"])
        return found

    async def incorporate_feedback(self, feedback: str) -> dict[str, Any]:
        """The next version, after `feedback`, put before people.

        Answers {"updated_plan": text, "awaiting_feedback": True}, besides `changes` (what changed
        and why, in the agent's words) and what propose_plan() answers.
        """
        await self._desk.write("plan feedback", asking.take_feedback, text=feedback)
        wanted = await self._next()
        found, _ = await self._revise(wanted, feedback)
        return found

    async def execute_step(
        self, step: str | Mapping[str, Any], human_input: str | None = None
    ) -> dict[str, Any]:
        """Do one step, accepted or not part of any plan; each action passes its gate.

        Answers {"step", "result", "human_input_used"}. Raises NotDone with the known reason.
        """
        about = {"step": step, "human_input": human_input}
        if self.plan_id is not None:
            about |= await self._desk.write("plan step about", _about, **about)
        result = await self._do(step, about)
        return {"step": step, "result": result, "human_input_used": human_input is not None}

    # ---- Working with people ------------------------------------------------------------------

    async def see_through(self) -> dict[str, Any]:
        """Revise as often as people want, then do the steps; returns when the plan is over.

        Answers {"plan", "status", "version", "steps"}; each step has its title, status, result
        and whether human input was used.
        """
        turn: PlanTurn | None = None
        while (wanted := await self._next())["do"] != "end":
            if wanted["do"] == "revise":
                turn = (await self._revise(wanted, _in_words(wanted["said"])))[1]
            elif wanted["do"] == "input":
                given = {"step_id": wanted["step"]["id"]}
                turn = await self._desk.ask("plan input", progress.ask_input, **given)
            elif wanted["do"] == "step":
                turn = await self._step(wanted)
            else:
                turn = await self._desk.ask("plan turn", asking.ask_again)
            if turn is not None:
                await self._desk.wait(turn)
        found: dict[str, Any] = await self._desk.write("plan report", report)
        return found

    async def _next(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._desk.write("plan next", next_for)
        return found

    async def _step(self, wanted: dict[str, Any]) -> PlanTurn | None:
        """One try at a step, noted; a turn of the people's if it failed."""
        step = wanted["step"]
        given = {"step_id": step["id"], "attempt": wanted["attempt"]}
        about = {name: wanted[name] for name in ("step", "said", "earlier", "human_input")}
        about |= wanted.get("surroundings", {})
        try:
            result = await self._do(step, {"goal": wanted["goal"], **about})
        except (NotDone, ModelError) as error:
            given["error"] = str(error)
            return await self._desk.ask("plan step failed", progress.fail_step, **given)
        await self._desk.write("plan step done", progress.finish_step, **given, result=result)
        return None

    async def _do(self, step: str | Mapping[str, Any], about: dict[str, Any]) -> Any:
        allowed = None if isinstance(step, str) else list(step.get("actions", ()))
        gate = await self._gate_now()
        return await carry_out(self.agent_id, self.llm_client, gate, about, allowed)

    async def _gate_now(self) -> ApprovalGate | BoundGate:
        if self._gate is None:
            if isinstance(self.llm_client, BoundModel):
                self._gate = BoundGate(self.llm_client.journal, GATE)
            else:
                self._gate = await sync_to_async(ApprovalGate)(GATE)
        return self._gate

    # ---- Versions -----------------------------------------------------------------------------

    async def _revise(
        self, wanted: dict[str, Any], feedback: str
    ) -> tuple[dict[str, Any], PlanTurn]:
        before = [_step(each) for each in wanted["steps"]]
        around = wanted.get("surroundings", {})
        messages = plans.revise(wanted, actions.list_actions(), around)
        about: dict[str, int] = {"based_on": wanted["version"]}
        if "heard" in wanted:  # a journal that an earlier version has written does not say it
            about["heard"] = wanted["heard"]
        found, turn = await self._offer(messages, before, **about)
        self._note("user", feedback)  # not before: a revision that fails has no answer to it
        self._note("assistant", "\n\n".join(filter(None, (found["changes"], found["plan"]))))
        return {"updated_plan": found["plan"], **found}, turn

    async def _offer(
        self, messages: Messages, before: list[Step], **about: int
    ) -> tuple[dict[str, Any], PlanTurn]:
        """Ask the model, and put what it says before people; without a plan, the plan has failed."""
        try:
            made = await draft(self.llm_client, messages, _known(), before)
        except NoPlan as error:
            await self._desk.write("plan failed", asking.fail, error=str(error), text=error.text)
            raise
        except ModelError as error:
            await self._desk.write("plan failed", asking.fail, error=str(error))
            raise
        turn = await self._desk.ask("plan version", asking.offer, draft=made, **about)
        found = await self._desk.write("plan shown", shown, turn_id=turn.pk)
        return found, turn

    def _note(self, role: str, content: str) -> None:
        self.conversation_history.append({"role": role, "content": content})


def shown(plan_id: Any, turn_id: int) -> dict[str, Any]:
    """The current version for whoever called the agent."""
    plan = find_by_id(plan_id)
    version = version_of(plan)
    steps = steps_of(plan)
    questions = [each["text"] for each in version.questions]
    text = as_text(
        Draft(tuple(steps), tuple(version.decisions), tuple(version.risks), tuple(questions))
    )
    return {
        "plan": text,
        "awaiting_feedback": plan.turns.filter(pk=turn_id).exclude(outcome="moot").exists(),
        "plan_id": plan.pk,
        "version": version.number,
        "steps": [step.serialize() for step in steps],
        "decisions": version.decisions,
        "risks": version.risks,
        "questions": questions,
        "changes": version.explanation,
    }


def report(plan_id: Any) -> dict[str, Any]:
    """What became of the plan, for whoever gave the task."""
    plan = find_by_id(plan_id)
    tries = {row.identity: row for row in plan.tries.order_by("attempt")}
    steps = []
    for step in steps_of(plan):
        row = tries.get(step.id)
        said: dict[str, Any] = {
            "step": step.title,
            "status": str(row.status) if row else "not begun",
        }
        if row is not None:
            said |= {"result": row.result, "human_input_used": row.human_input is not None}
        steps.append(said)
    status = plan.shown_status
    return {"plan": plan.pk, "status": status, "version": plan.version, "steps": steps}


def _about(plan_id: int, **_: Any) -> dict[str, Any]:
    """What a step is done with, as the plan is now; which step it is tells it from others."""
    plan = find_by_id(plan_id)
    said = progress.conversation(plan)
    known = {"goal": plan.goal, "said": said, "earlier": progress.earlier(plan)}
    return {**known, **surroundings()}


def _known() -> list[dict[str, Any]]:
    """The registered actions, as a plan keeps them."""
    return [
        {"name": one.name, "risk": str(one.floor), "undoable": one.undoable}
        for one in actions.list_actions()
    ]


def _step(given: Mapping[str, Any]) -> Step:
    return Step(**{**given, "actions": tuple(given["actions"])})


def _in_words(said: list[dict[str, str]]) -> str:
    """What people said, as one text for the conversation."""
    lines = [f"{each['about']}: {each['text']}" if each["about"] else each["text"] for each in said]
    return "\n".join(lines) or json.dumps("(changes to the steps)")


async def interactive(task: str, context: Any) -> dict[str, Any]:
    """Work out a plan together with a person, then carry it out step by step."""
    agent = InteractiveAgent(context.agent_id, context.model)
    await agent.propose_plan(task)
    return await agent.see_through()
