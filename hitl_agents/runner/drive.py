"""Drive one claimed run: call its agent from the top, then write down how that ended."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

from hitl_agents import catalogue
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.activity import Doubt, Ended, GiveBack, Lost, Suspend
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.journal import Journal
from hitl_agents.journal.loop import OWNER
from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.llm.chat import ModelError
from ledger import canonical, leases
from ledger.errors import BadInput, LostLease
from ledger.requests.timeouts import IN_RUN

log = logging.getLogger(__name__)

CANCEL_TRIES = 20
CANCEL_PAUSE = 0.01  # seconds between cancelling tasks that swallow it


class Drive:
    """One activation of a run in this process."""

    def __init__(
        self,
        activation: Activation,
        database: DatabaseThreads,
        client: Any,
        claim: Claim | None = None,
    ) -> None:
        self.run = activation.run
        self.journal = Journal(activation, database, claim)
        self._database = database
        self._client = client

    async def go(self) -> bool:
        """Drive until the run ends, waits or is lost. True if it is waiting for people now."""
        try:
            ended = await self._call_agent(self.journal)
            await self.journal.claim.stands()
            await self._write_end(self.journal, ended)
        except LostLease:
            log.info("Run %s was taken or cancelled meanwhile.", self.run.pk)
        return isinstance(self.journal.activity.latch, Suspend)

    def stop(self) -> None:
        """Have the run given back as soon as what is in flight has ended."""
        self.journal.activity.stop()

    def lose(self) -> None:
        """The run is not driven here any more: nothing further is written."""
        self.journal.activity.close(Lost())

    async def _call_agent(self, journal: Journal) -> asyncio.Task[Any]:
        """The agent's task, done; or cancelled, if the journal latched first."""
        context = RunContext(self.run, journal, self._client)
        owner, in_run = OWNER.set(journal.activity), IN_RUN.set(True)
        try:
            agent = asyncio.create_task(self._agent(context))
        finally:
            IN_RUN.reset(in_run)
            OWNER.reset(owner)
        journal.activity.tasks.add(agent)  # also under a loop that does not note tasks by itself
        rest = asyncio.create_task(journal.activity.at_rest.wait())
        try:
            await asyncio.wait({agent, rest}, return_when=asyncio.FIRST_COMPLETED)
            await journal.activity.end()
        finally:
            rest.cancel()
            await self._cancel_all(journal)
        return agent

    async def _agent(self, context: RunContext) -> Any:
        try:
            return await catalogue.load(self.run.agent)(context.task, context)
        except SystemExit as error:  # asyncio would end the runner, and each one after it
            raise RuntimeError(f"The agent's code raised SystemExit: {error}") from error

    async def _cancel_all(self, journal: Journal) -> None:
        """End every task that the agent has started; one that swallows cancels is left behind."""
        for _ in range(CANCEL_TRIES):
            tasks = {task for task in journal.activity.tasks if not task.done()}
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_PAUSE)
        log.warning("Run %s: the agent's code swallows its cancellation.", self.run.pk)

    async def _write_end(self, journal: Journal, agent: asyncio.Task[Any]) -> None:
        match journal.activity.latch:
            case Suspend(entries=entries, wake_at=wake_at):
                await self._write(leases.suspend, entries, wake_at=wake_at)
            case GiveBack(delay=delay, reason=reason, failed_try=failed):
                await self._write(leases.requeue, delay=delay, reason=reason, failed_try=failed)
            case Doubt(about=about):
                await self._write(leases.doubt, about)
            case Ended():
                await self._write_result(agent)
            case _:
                raise LostLease(f"Run {self.run.pk} is driven elsewhere.")

    async def _write_result(self, agent: asyncio.Task[Any]) -> None:
        error = _error(agent)
        if error is not None:
            await self._write(leases.fail, error)
            return
        await self._write(leases.complete, agent.result())

    async def _write(self, end: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Patiently: what was lost here would be driven again, once its lease has lapsed."""
        run_id, fence = self.run.pk, self.journal.hold.fence
        await self._database.call_patiently(end, run_id, fence, *args, **kwargs)


def _error(agent: asyncio.Task[Any]) -> str | None:
    """Why the agent ended badly, as a sentence for people; None if it returned JSON."""
    if agent.cancelled():
        return "The agent's own code cancelled it."
    error = agent.exception()
    if isinstance(error, ModelError):
        return str(error)
    if error is not None:
        where = traceback.extract_tb(error.__traceback__)[-1:]
        place = f" ({where[0].name}, line {where[0].lineno})" if where else ""
        log.error("An agent failed.", exc_info=error)
        return f"{type(error).__name__}: {error}{place}"
    try:
        canonical.canonical(agent.result(), "result")
    except BadInput as problem:
        return f"The agent returned something that cannot be stored. {problem}"
    return None
