"""A run whose agent is a function in the test, driven activation by activation, without a runner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from approvals import services
from approvals.gate import gate_named
from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import activation
from hitl_agents.journal.journal import Journal
from hitl_agents.journal.loop import RunnerLoop
from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.runner.drive import Drive
from ledger import runs
from ledger.clock import now
from ledger.models import JournalEntry, Run
from tests.support import sample_agents

Body = Callable[[RunContext], Awaitable[Any]]
_bodies: dict[str, Body] = {}


async def scripted(task: str, context: RunContext) -> Any:
    """Does what the test says."""
    return await _bodies[task](context)


@contextmanager
def scripts() -> Iterator[None]:
    """The agent `scripted` exists as long as the block lasts."""
    with sample_agents.in_catalogue(scripted):
        yield
    _bodies.clear()


def begun(body: Body) -> Run:
    """A queued run that will do this."""
    name = f"script {len(_bodies)}"
    _bodies[name] = body
    return runs.submit("scripted", name)


def activate(
    run: Run, meanwhile: Callable[[Drive], Coroutine[Any, Any, None]] | None = None
) -> Run:
    """Claim the run and drive it once, until it ends or rests; the run as it is then.

    `meanwhile` is awaited beside it, outside the run, with the drive.
    """
    claimed = activation.claim_waiting(run.pk, "here", 60) or activation.claim_next("here", 60)
    assert claimed is not None
    assert claimed.run.pk == run.pk

    async def go() -> None:
        threads = DatabaseThreads()
        drive = Drive(claimed, threads, client=None)
        beside = asyncio.create_task(meanwhile(drive)) if meanwhile else None
        try:
            await asyncio.wait_for(drive.go(), 20)
            if beside is not None:
                await asyncio.wait_for(beside, 20)
        finally:
            await asyncio.to_thread(threads.close)

    with asyncio.Runner(loop_factory=RunnerLoop) as loop:
        loop.run(go())
    return runs.find_by_id(run.pk)


def first_life(body: Body, **more: Any) -> Run:
    """A new run that does this, after its first activation."""
    return activate(begun(body), **more)


@dataclass(frozen=True)
class Ask:
    """A question that any pattern could ask."""

    what: str
    name: str = "tell"
    text: str = ""

    @property
    def about(self) -> Any:
        return {"what": self.text or self.what}

    def store(self, run: Run, key: str) -> ApprovalRequest:
        return services.ask(
            gate=gate_named("shapes"),
            agent_id=run.agent_id,
            action=self.name,
            details={"what": self.what},
            risk_level="high",
            run=run,
            key=key,
        )


async def ask(context: RunContext, what: str = "it") -> int:
    """Ask that; the id of the question."""
    request, _ = await context.journal.ask(Ask(what))
    return int(request.pk)


async def wait(context: RunContext, what: str = "it") -> str:
    """Ask that, and wait for the answer as long as it takes."""
    decided = await context.journal.wait(ApprovalRequest, await ask(context, what))
    return str(decided.status)


async def wait_or_leave(context: RunContext, what: str = "it", seconds: float = 3600) -> str:
    """Ask that, and wait so long: how it was answered, or "left"."""
    pk = await ask(context, what)
    decided = await context.journal.wait_or_leave(ApprovalRequest, pk, seconds)
    return "left" if decided is None else str(decided.status)


async def parked(journal: Journal, number: int = 1) -> None:
    """Until so many waits of this run stand still."""
    while journal.activity.parked < number:  # noqa: ASYNC110  # the journal tells nobody
        await asyncio.sleep(0)  # not longer: some turns of the loop later the run suspends


def let_time_pass(run: Run, *questions: str) -> None:
    """The time of each wait of this run (for one of these) is over, and the run is to be woken."""
    over = now() - timedelta(seconds=1)
    asked = ApprovalRequest.objects.filter(run=run)
    ids = [one.pk for one in asked if not questions or one.details["what"] in questions]
    open_waits = JournalEntry.objects.filter(run=run, kind="wait", finished_at=None)
    for entry in open_waits.filter(request_id__in=ids):
        entry.result = {**(entry.result or {}), "until": over.isoformat()}
        entry.save()
    Run.objects.filter(pk=run.pk, wake_at__isnull=False).update(wake_at=over)


def nudged(run: Run) -> Run:
    """The waiting run, to be claimed although nothing is decided: as if a time of its were up."""
    Run.objects.filter(pk=run.pk).update(wake_at=now() - timedelta(seconds=1))
    return run


def waits(run: Run) -> list[JournalEntry]:
    """The run's waits that end by themselves, oldest first."""
    return list(JournalEntry.objects.filter(run=run, kind="wait").order_by("pk"))
