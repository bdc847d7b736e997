"""Driving runs in a test's own process: until nothing is runnable, as run_agents --until-idle."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.journal.loop import RunnerLoop
from hitl_agents.runner.runner import AgentRunner
from ledger import runs, tail
from ledger.models import Run, Runner


def drive(**options: Any) -> None:
    """One runner from its start to its end; afterwards only waiting runs remain."""
    with asyncio.Runner(loop_factory=RunnerLoop) as loop:
        loop.run(AgentRunner(until_idle=True, **options).run())
    tail.stop()


class RunnerInThread:
    """A runner that works beside the test until the block ends."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def __enter__(self) -> RunnerInThread:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(lambda: Runner.objects.alive().exists(), "the runner is at work")
        return self

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=RunnerLoop) as loop:
            self._loop = loop.get_loop()
            self._runner = AgentRunner(**self._options)
            loop.run(self._runner.run())

    def stop(self) -> None:
        """Have it stop as a signal would, and wait until it has."""
        self._loop.call_soon_threadsafe(self._runner.stop)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the runner does not stop"

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.stop()
        tail.stop()


def driven(agent: str, task: str = "do it", **fields: Any) -> Run:
    """A new run of that agent, driven as far as it goes."""
    run = runs.submit(agent, task, **fields)
    drive()
    return again(run)


def again(run: Run) -> Run:
    """The run as the database has it now."""
    return runs.find_by_id(run.pk)


def pending(run: Run, **fields: Any) -> list[ApprovalRequest]:
    """What the run asks and nobody has decided, oldest first."""
    rows = ApprovalRequest.objects.filter(run=run, status="pending", **fields)
    return list(rows.order_by("pk"))


def asked_for(run: Run, what: str) -> ApprovalRequest:
    """The pending request of a run of tests.support.sample_agents about that."""
    return next(request for request in pending(run) if request.details["what"] == what)


def approve_all(run: Run, by: Any) -> int:
    """Approve what the run asks now; how many that were."""
    found = pending(run)
    for request in found:
        services.approve(request.pk, by=by)
    return len(found)


def until(true: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """What `true()` returns once that is truthy; fails with `what` if it takes too long."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"still not so after {seconds} s: {what}"
        time.sleep(0.005)
    return found
