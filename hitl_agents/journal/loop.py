"""The runner's event loop: it knows which tasks and which timers belong to which run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any, Protocol, TypeVarTuple, Unpack, cast
from weakref import WeakSet

Arguments = TypeVarTuple("Arguments")
log = logging.getLogger(__name__)


class Owner(Protocol):
    tasks: set[asyncio.Task[Any]]
    timers: set[asyncio.TimerHandle]


# A task copies the context of whoever creates it, so everything an agent starts is found here.
OWNER: ContextVar[Owner | None] = ContextVar("hitl_owner", default=None)


class RunnerLoop(asyncio.SelectorEventLoop):
    """Notes each timer that a run's own code sets, so that a suspend can let it fire first."""

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_make_task)
        self.owned: WeakSet[asyncio.Task[Any]] = WeakSet()  # tasks that runs' own code has started

    def run_forever(self) -> None:
        """As any loop, but for a run's own code that wants to exit: its task has ended so, no more.

        asyncio hands SystemExit on out of the loop. That would end the runner with all of its
        runs, and each runner after it that takes up the same run.
        """
        while True:
            try:
                return super().run_forever()
            except SystemExit as error:
                if not any(_has_ended_with(task, error) for task in list(self.owned)):
                    raise
                log.warning("A run's own code raised SystemExit(%s).", error)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is None:
            return super().call_at(when, callback, *args, context=context)

        def fire() -> None:
            owner.timers.discard(handle)  # not before it fires: until then it is waited for
            callback(*args)

        handle = super().call_at(when, fire, context=context)
        owner.timers.add(handle)
        return handle


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(
        cast("Coroutine[Any, Any, Any]", coroutine), loop=loop, context=context
    )
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.tasks.add(task)
        if isinstance(loop, RunnerLoop):
            loop.owned.add(task)
        task.add_done_callback(owner.tasks.discard)
    return task


def _has_ended_with(task: asyncio.Task[Any], error: BaseException) -> bool:
    return task.done() and not task.cancelled() and task.exception() is error
