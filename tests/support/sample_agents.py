"""Agents written as authors write them, with everything asyncio offers around a wait.

What each does outside is counted in EFFECTS, which the tests look at: no effect may happen twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hitl_agents.context.run_context import RunContext
from hitl_agents.patterns.gated import ApprovalGatedAgent
from ledger import catalogue
from ledger.catalogue import AgentSpec

EFFECTS: Counter[str] = Counter()


class Counting(ApprovalGatedAgent):
    """Its one action counts."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(context.agent_id, context.model, context.gate("shapes"))
        self.risk_assessment_enabled = False

    async def _execute(self, action: str, details: Any) -> Any:
        EFFECTS[details["what"]] += 1
        return f"{details['what']} done"

    async def do(self, what: str) -> str:
        """Ask for it, and do it if it is approved; how that ended in a word or two."""
        ended = await self.execute_with_approval("count", {"what": what})
        return str(ended.get("result") or ended["reason"])

    async def at_once(self, what: str) -> Any:
        """Do it without asking, through the journal."""

        async def effect(_: Any) -> Any:
            return await self._execute("count", {"what": what})

        return await self.approval_gate.journal.act("count", {"what": what}, effect)  # type: ignore[union-attr]


async def gathering(task: str, context: RunContext) -> Any:
    """Two gates asked together."""
    agent = Counting(context)
    return await asyncio.gather(agent.do("a"), agent.do("b"))


async def grouping(task: str, context: RunContext) -> Any:
    """Two gates in a TaskGroup."""
    agent = Counting(context)
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(agent.do(what)) for what in "ab")
    return [first.result(), second.result()]


async def impatient(task: str, context: RunContext) -> Any:
    """Waits as many seconds as the task says, then goes another way, then asks once more."""
    agent = Counting(context)
    try:
        first = await asyncio.wait_for(agent.do("wanted"), float(task))
    except TimeoutError:
        first = await agent.at_once("instead")
    return [first, await agent.do("last")]


async def timing_out(task: str, context: RunContext) -> Any:
    """The same with asyncio.timeout."""
    agent = Counting(context)
    try:
        async with asyncio.timeout(float(task)):
            first = await agent.do("wanted")
    except TimeoutError:
        first = await agent.at_once("instead")
    return [first, await agent.do("last")]


async def trying_twice(task: str, context: RunContext) -> Any:
    """Gives up on a question, then waits for the same question after all."""
    gate = context.gate("shapes")
    request = await gate.request_approval(context.agent_id, "count", {"what": "once"})
    try:
        await asyncio.wait_for(gate.wait_for_approval(request.pk), float(task))
    except TimeoutError:
        await Counting(context).at_once("reminder")
    return (await gate.wait_for_approval(request.pk)).status


async def tidy(task: str, context: RunContext) -> Any:
    """Has an action in `finally`, behind a wait."""
    agent = Counting(context)
    try:
        return await agent.do("wanted")
    finally:
        await agent.at_once("tidied")


async def careless(task: str, context: RunContext) -> Any:
    """Catches everything around a wait."""
    agent = Counting(context)
    try:
        return await agent.do("wanted")
    except:  # what authors do; a suspend must not look like an error of theirs  # noqa: E722
        EFFECTS["caught"] += 1
        return await agent.at_once("instead")


async def collecting(task: str, context: RunContext) -> Any:
    """gather(return_exceptions=True) over two gates and a failure."""
    agent = Counting(context)

    async def broken() -> None:
        raise ValueError("broken by its author")

    found = await asyncio.gather(agent.do("a"), broken(), agent.do("b"), return_exceptions=True)
    return [str(one) for one in found]


async def forgetful(task: str, context: RunContext) -> Any:
    """Starts a task that nobody awaits, then asks."""
    agent = Counting(context)
    background = asyncio.create_task(agent.do("background"))
    answer = await agent.do("wanted")
    return [answer, background.done()]


async def leaving(task: str, context: RunContext) -> Any:
    """Returns while an action that nobody awaits is being done."""
    begun = asyncio.Event()

    async def effect(_: Any) -> str:
        begun.set()
        await asyncio.sleep(0.05)
        EFFECTS["background"] += 1
        return "done"

    background = asyncio.create_task(context.journal.act("count", {"what": "background"}, effect))
    await begun.wait()
    return background.done()


async def two_lines(task: str, context: RunContext) -> Any:
    """Two lines of work, each with several gates after each other, and work beside them."""
    agent = Counting(context)

    async def line(name: str) -> list[str]:
        await asyncio.sleep(0.001)
        return [await agent.do(f"{name}{step}") for step in (1, 2, 3)]

    return await asyncio.gather(line("a"), line("b"))


async def quick_first(task: str, context: RunContext) -> Any:
    """asyncio.wait: goes on with whichever is decided first, and drops the other."""
    agent = Counting(context)
    tasks = [asyncio.create_task(agent.do(what), name=what) for what in "ab"]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for other in rest:
        other.cancel()
    await asyncio.wait(tasks)
    won = min(one.get_name() for one in done)
    return [won, await agent.do("last")]


async def stubborn(task: str, context: RunContext) -> Any:
    """Swallows its cancellation and goes on."""
    agent = Counting(context)
    for _ in range(3):
        try:
            return await agent.do("wanted")
        except asyncio.CancelledError:
            EFFECTS["swallowed"] += 1
    return await agent.at_once("instead")


async def exiting(task: str, context: RunContext) -> Any:
    """Wants to end the process."""

    async def leave() -> None:
        raise SystemExit(3)

    await (leave() if task == "itself" else asyncio.create_task(leave()))


RAISED: BaseException = ValueError()


async def breaking_off(task: str, context: RunContext) -> Any:
    """An action that raises RAISED in the middle."""

    async def effect(_: Any) -> Any:
        EFFECTS["begun"] += 1
        raise RAISED

    return await context.journal.act("break off", {}, effect)


async def breaking_off_in_a_group(task: str, context: RunContext) -> Any:
    """The same in a TaskGroup, which takes no notice of a cancelled task."""
    async with asyncio.TaskGroup() as group:
        group.create_task(breaking_off(task, context))
    return "all done"


AGENTS = (
    gathering,
    grouping,
    impatient,
    timing_out,
    trying_twice,
    tidy,
    careless,
    collecting,
    forgetful,
    leaving,
    two_lines,
    quick_first,
    stubborn,
    exiting,
    breaking_off,
    breaking_off_in_a_group,
)


@contextmanager
def in_catalogue(*functions: Any, owner: str = "") -> Iterator[None]:
    """These agents exist as long as the block lasts."""
    before = dict(catalogue._specs)
    for function in functions:
        path = f"{function.__module__}.{function.__name__}"
        name = function.__name__
        catalogue.register(AgentSpec(name, name, function.__doc__ or "", path, owner))
    try:
        yield
    finally:
        catalogue._specs.clear()
        catalogue._specs.update(before)
