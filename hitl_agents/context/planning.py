"""Desks to write a plan at: of a run, through its journal; or of somebody else's program.

Both offer the same steps. In a run each happens once in the run's life, in the transaction of its
journal entry; in a program it happens each time that it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from asgiref.sync import sync_to_async

from hitl_agents.context.surroundings import surroundings
from hitl_agents.journal.journal import Journal
from ledger.models import Run
from ledger.requests.models import HumanRequest
from ledger.tail import wait_until
from plans import asking, lookup, progress
from plans.models import PlanTurn
from plans.versions.storing import Draft


class Desk(Protocol):
    """What an agent does to its plan besides asking the model."""

    async def write(self, name: str, verb: Callable[..., Any], **about: Any) -> Any:
        """Call a verb of plans that returns JSON."""

    async def begin(self, agent_id: str, goal: str, actions: list[dict[str, Any]]) -> Begun:
        """A new plan."""

    async def ask(self, name: str, verb: Callable[..., PlanTurn], **about: Any) -> PlanTurn:
        """Call a verb of plans by which it becomes the people's turn."""

    async def wait(self, turn: PlanTurn) -> PlanTurn:
        """Until people have had their turn."""


@dataclass(frozen=True)
class Begun:
    """A plan's number, and what was around when it was begun."""

    plan_id: int
    surroundings: dict[str, Any]


@dataclass(frozen=True)
class TurnQuestion:
    """A turn of the people's, as the journal asks it: the verb makes its row."""

    name: str
    verb: Callable[..., PlanTurn]
    given: dict[str, Any]
    told: Any

    @property
    def about(self) -> Any:
        return self.told

    def store(self, run: Run, key: str) -> HumanRequest:
        return self.verb(**self.given, run=run, key=key)


class RunDesk:
    """The runner replays: each step is looked up in the journal first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._plan = 0

    async def begin(self, agent_id: str, goal: str, actions: list[dict[str, Any]]) -> Begun:
        def make(run: Run, key: str) -> dict[str, Any]:
            begun = asking.begin(agent_id=agent_id, goal=goal, actions=actions, run=run, key=key)
            return {"plan": begun.pk, "surroundings": surroundings()}

        made = await self._journal.write("plan begun", {"goal": goal}, make)
        if isinstance(made, int):  # a journal that an earlier version has written
            made = {"plan": made, "surroundings": {}}
        self._plan = made["plan"]
        return Begun(made["plan"], made["surroundings"])

    async def write(self, name: str, verb: Callable[..., Any], **about: Any) -> Any:
        def call(run: Run, key: str) -> Any:
            return verb(self._plan, **about)

        return await self._journal.write(name, {"plan": self._plan, **about}, call)

    async def ask(self, name: str, verb: Callable[..., PlanTurn], **about: Any) -> PlanTurn:
        given = {"plan_id": self._plan, **about}
        told = {key: value for key, value in about.items() if not isinstance(value, Draft)}
        question = TurnQuestion(name, verb, given, {"plan": self._plan, **told})
        turn, _ = await self._journal.ask(question)
        found: PlanTurn = turn
        return found

    async def wait(self, turn: PlanTurn) -> PlanTurn:
        found: PlanTurn = await self._journal.wait(PlanTurn, turn.pk)
        return found


class ProgramDesk:
    """Nothing is replayed; the program waits in memory, on the log."""

    def __init__(self) -> None:
        self._plan = 0

    async def begin(self, agent_id: str, goal: str, actions: list[dict[str, Any]]) -> Begun:
        plan = await sync_to_async(asking.begin)(agent_id=agent_id, goal=goal, actions=actions)
        self._plan = plan.pk
        return Begun(plan.pk, await sync_to_async(surroundings)())

    async def write(self, name: str, verb: Callable[..., Any], **about: Any) -> Any:
        return await sync_to_async(verb)(self._plan, **about)

    async def ask(self, name: str, verb: Callable[..., PlanTurn], **about: Any) -> PlanTurn:
        return await sync_to_async(verb)(self._plan, **about)

    async def wait(self, turn: PlanTurn) -> PlanTurn:
        def find_answered() -> PlanTurn | None:
            found = lookup.find_turn_by_id(turn.pk)
            return found if found.resolved_at is not None else None

        found = await wait_until(find_answered, subject=turn.subject, timeout=None)
        assert found is not None  # noqa: S101  # without a timeout it waits until there is one
        return found


def next_for(plan_id: Any) -> dict[str, Any]:
    """progress.next_for(), with what a revision is made from and what is around."""
    found = progress.next_for(plan_id)
    if found["do"] == "revise":
        plan = lookup.find_by_id(plan_id)
        found["steps"] = [step.serialize() for step in lookup.steps_of(plan)]
        found["locked"] = sorted(lookup.find_locked(plan))
        version = lookup.version_of(plan)
        found["decisions"], found["risks"] = version.decisions, version.risks
        found["questions"] = [each["text"] for each in version.questions]
    return {**found, "surroundings": surroundings()}
