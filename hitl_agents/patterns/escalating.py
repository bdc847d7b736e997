"""The agent class of escalation: answer, and ask a person when not sure enough."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from escalations import thresholds
from escalations.manager import Escalated, EscalationManager, reply
from escalations.models import SURE
from hitl_agents.context.manager import BoundManager
from hitl_agents.context.run_context import RunContext
from hitl_agents.context.surroundings import today
from hitl_agents.llm import chat
from hitl_agents.llm.answers import Answer
from hitl_agents.llm.chat import ModelError
from hitl_agents.llm.confidence import Stated, read_plain, read_structured
from hitl_agents.patterns.knowledge import earlier_answers
from hitl_agents.prompts import escalations, shared
from ledger import canonical

Manager = EscalationManager | BoundManager
LOW_CONFIDENCE = "low_confidence"


class EscalatingAgent:
    """Answers tasks, and asks a person what it is not sure about.

    `llm_client` is any object with `await chat.completions.create(model=…, messages=…)` of the
    openai package. With the manager of a run (`context.escalations`) every step goes through the
    journal; with an EscalationManager the class works in any program that has Django set up.
    """

    def __init__(
        self,
        agent_id: str,
        llm_client: Any,
        escalation_manager: Manager,
        confidence_threshold: float = SURE,
    ) -> None:
        self.agent_id = agent_id
        self.llm_client = llm_client
        self.escalation_manager = escalation_manager
        self.confidence_threshold = thresholds.check_confidence(confidence_threshold)
        self._structured = True

    async def execute_task(self, task: str) -> dict[str, Any]:
        """Answer `task`, with a person's help if it is needed.

        {"status": "completed", "result", "confidence"} when sure enough;
        {"status": "completed_with_help", "result", "escalation"} with a handler's or a person's
        answer; else {"status": "uncertain", "result", "confidence", "escalation"} with its attempt.
        A confidence that could not be read counts as 0.5, with `"confidence_read": False` beside
        it. An empty answer always asks.
        """
        stated = await self._stated(task)
        needed = await self._needed()
        found = {"result": stated.answer, **_sureness(stated)}
        if stated.counts_as >= needed and not stated.is_nothing:
            return {"status": "completed", **found}
        told = await self._help(task, stated, needed)
        if isinstance(told, dict) and "answer" in told:
            return {
                "status": "completed_with_help",
                "result": told["answer"],
                "escalation": told,
            }
        return {"status": "uncertain", **found, "escalation": told}

    async def _help(self, task: str, stated: Stated, needed: float) -> Any:
        """What the handler said, or what became of it when a person had it."""
        manager = self.escalation_manager
        told = await manager.escalate(
            self.agent_id,
            f"Low confidence ({stated.counts_as:.0%}) on task",
            {"task": task, "attempted_response": stated.answer, **_sureness(stated)},
            LOW_CONFIDENCE,
            threshold=needed,
        )
        if not isinstance(told, Escalated):
            return told
        return reply(await manager.wait_for_answer(told["escalation_id"]))

    # ---- What may change under it: read once in a run --------------------------------------

    async def _needed(self) -> float:
        """The threshold of an operator's row for this agent or type, else its own."""
        agent_id, own = self.agent_id, self.confidence_threshold
        found = await self._read(
            "threshold",
            lambda: thresholds.confidence_for(agent_id, LOW_CONFIDENCE, own),
            _key("threshold", agent_id, own),
        )
        return float(found)

    async def _earlier(self, task: str) -> dict[str, Any]:
        """What people answered to similar questions; the run's page shows which were used."""
        agent_id = self.agent_id
        key = _key("lessons", agent_id, canonical.storable(task))

        def read() -> dict[str, Any]:
            return {**earlier_answers(agent_id, task), "surroundings": today()}

        found: dict[str, Any] = await self._read("lessons", read, key)
        return found

    async def _read(self, name: str, function: Any, key: str) -> Any:
        if isinstance(self.escalation_manager, BoundManager):
            return await self.escalation_manager.journal.read(name, function, key)
        return await sync_to_async(function)()

    # ---- The model's part -------------------------------------------------------------------

    async def _stated(self, task: str) -> Stated:
        """The model's answer: structured where its server can, else in plain words."""
        earlier = await self._earlier(task)
        about = (task, earlier["answers"], earlier.get("surroundings", shared.NOTHING))
        if self._structured:
            stated = await self._ask_structured(escalations.answer(*about, structured=True))
            if stated is not None:
                return stated
        return read_plain(await self._ask(escalations.answer(*about, structured=False)))

    async def _ask_structured(self, messages: shared.Messages) -> Stated | None:
        """None when the server does not take it, or the answer is not of that form."""
        try:
            answer = await self._ask(messages, response_format=escalations.FORMAT)
        except Exception as error:
            problem = chat.classify(error)
            if problem.retry or problem.kind == "refused":
                raise
            self._structured = False
            return None
        return read_structured(answer)

    async def _ask(self, messages: shared.Messages, **options: Any) -> Answer:
        answer = await chat.say(self.llm_client, messages, **options)
        problem = answer.problem
        if problem is not None and problem.kind == "refused":
            raise ModelError(problem)
        return answer


def _sureness(stated: Stated) -> dict[str, Any]:
    """How sure it counts as; and that this could not be read, if so."""
    unread = {"confidence_read": False} if stated.confidence is None else {}
    return {"confidence": stated.counts_as, **unread}


async def escalating(task: str, context: RunContext) -> dict[str, Any]:
    """Answer a question, and ask a person when not sure enough.

    Returns what EscalatingAgent.execute_task returns: completed, completed_with_help or uncertain.
    """
    agent = EscalatingAgent(context.agent_id, context.model, context.escalations)
    return await agent.execute_task(task)


def _key(name: str, *about: Any) -> str:
    """What is read once in a run, by all that it depends on: never by the order of calls."""
    return f"{name}/{canonical.digest(canonical.envelope_text({'about': list(about)}), 'hitl-read/v1')[:32]}"
