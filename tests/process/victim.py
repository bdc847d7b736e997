"""Runner processes that die, or end, where a test says: forks of the test's own process.

A fork has everything loaded already, so a life and its death take a tenth of a second.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

from django.db import connections

from hitl_agents.journal import action_entries, activation, entries
from hitl_agents.runner.counting import Counting
from ledger import leases
from ledger.clock import now
from ledger.models import Run
from tests.support.driving import drive

WRITE = (activation, action_entries, entries, leases)  # the modules that write what a run has done
NO_WRITES_OF_A_RUN = {"_sweep_library", "start_library"}


@dataclass(frozen=True)
class Death:
    """kill -9 right before or right after the write of that name and number, from 1."""

    write: str
    number: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.write} {self.number}"


def in_fork(work: Callable[[int], None]) -> tuple[int, str]:
    """Run `work(pipe)` in a fork: (its wait status, what it wrote into the pipe).

    No database connection goes into the fork: two processes would talk on one.
    """
    connections.close_all()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("hitl")]
    assert not ours, ours  # an idle pool thread of a library may stay: it holds no lock
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(out)
            work(into)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
    os.close(into)
    with os.fdopen(out) as pipe:
        said = pipe.read()
    return os.waitpid(pid, 0)[1], said


def life(death: Death | None, lived: list[str]) -> tuple[bool, list[str]]:
    """One runner until it is idle or killed: whether it was killed, and the writes it began.

    `lived` are the writes before this life: a death is counted over all lives. The lease of a
    runner that was killed has lapsed when this returns, as it would with time.
    """

    def work(pipe: int) -> None:
        _count(Writes(pipe, death, lived))
        # The figures are not what the run has done, and counting them takes an eighth of a life.
        Counting.begin = lambda _: None  # type: ignore[assignment, method-assign]
        drive()

    status, said = in_fork(work)
    if os.WIFSIGNALED(status):
        assert death is not None
        assert os.WTERMSIG(status) == signal.SIGKILL
        past = now() - timedelta(seconds=1)
        Run.objects.filter(lease_until__gt=past).update(lease_until=past)
    else:
        assert os.WEXITSTATUS(status) == 0, "the runner failed; its traceback is above"
    return os.WIFSIGNALED(status), said.split()


class Lives:
    """One runner after the other: each dies one of these deaths, and those behind them none."""

    def __init__(self, *deaths: Death) -> None:
        self.to_die = list(deaths)
        self.died: list[Death] = []
        self.writes: list[str] = []  # what they began to write, all of them

    def live(self) -> None:
        """The next runner, until it is idle or dies."""
        killed, writes = life(self.to_die[0] if self.to_die else None, self.writes)
        self.writes += writes
        if killed:
            self.died.append(self.to_die.pop(0))

    def came_to(self, death: Death) -> bool:
        """Whether there was that write: how often some of them look is a matter of time."""
        return Counter(self.writes)[death.write] >= death.number

    def __str__(self) -> str:
        return ", then ".join(map(str, self.died)) or "without a death"


class LivesHere(Lives):
    """Those before all others, without a fork: each would load and build again what it uses."""

    def live(self) -> None:
        drive()


def twice(writes: Iterable[str], told: Callable[[Lives], object]) -> None:
    """Have a story told in which a runner dies before a write, and the next one after it: of each.

    A write that its first death has made needless does not come again; then the second death is
    died in a story of its own.
    """
    for write, count in Counter(writes).items():
        for nth in range(1, count + 1):
            lives = Lives(Death(write, nth, after=False), Death(write, nth + 1, after=True))
            told(lives)
            if lives.to_die:
                told(Lives(Death(write, nth, after=True)))


class Writes:
    """Counts the writes of this process, tells the parent of each, and dies at one of them."""

    def __init__(self, pipe: int, death: Death | None, lived: list[str]) -> None:
        self._pipe = pipe
        self._death = death
        self._counts = Counter(lived)
        self._lock = threading.Lock()

    def begin(self, name: str) -> int:
        with self._lock:
            self._counts[name] += 1
            number = self._counts[name]
            os.write(self._pipe, f"{name}\n".encode())
        self._die_if(Death(name, number, after=False))
        return number

    def end(self, name: str, number: int) -> None:
        self._die_if(Death(name, number, after=True))

    def _die_if(self, death: Death) -> None:
        if self._death == death:
            os.kill(os.getpid(), signal.SIGKILL)


def _count(writes: Writes) -> None:
    """Have every function that writes a run's journal or its row go through `writes`."""
    for module in WRITE:
        for name in verbs_of(module):
            setattr(module, name, _counted(getattr(module, name), name, writes))


def verbs_of(module: ModuleType) -> list[str]:
    """The module's functions that are one transaction each."""
    found = vars(module).items()
    return [
        name
        for name, value in found
        if getattr(value, "__module__", "") == module.__name__
        and hasattr(value, "__wrapped__")
        and name not in NO_WRITES_OF_A_RUN
    ]


def _counted(function: Callable[..., Any], name: str, writes: Writes) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        number = writes.begin(name)
        try:
            return function(*args, **kwargs)
        finally:
            writes.end(name, number)

    return counted
