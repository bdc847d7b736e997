"""Claims of decided runs, the shortest way from a decision to the agent's next line.

Whoever hears of a decision hands the run to a thread that does nothing but claim, one after the
other; its connection stays warm. As soon as the claim has locked and read the run, the agent is
called in the loop, while the claim's own rows are written and made durable. The agent's next step
waits for that commit, and never begins if it fails: then all that the agent did was in memory,
as if the runner had been killed right after the agent's line.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial

from agents import activation
from agents.activation import Activation
from agents.threads import DatabaseThreads
from ledger.errors import LostLease

log = logging.getLogger(__name__)


class Claim:
    """Whether a claim is committed. Used in the runner's loop."""

    def __init__(self, *, stands: bool = False) -> None:
        self._stands = stands
        self._over = asyncio.Event()
        if stands:
            self._over.set()

    def end(self, stands: bool) -> None:
        """It is committed, or has failed."""
        self._stands = stands
        self._over.set()

    async def stands(self) -> None:
        """Returns once it is committed. Raises LostLease when it has failed."""
        await self._over.wait()
        if not self._stands:
            raise LostLease("The claim of this run could not be committed.")


class Claims:
    """The thread that claims for one runner. Its callbacks are called in the runner's loop.

    `start(activation, claim)`: the agent of a claimed run is to be called. `nothing(run_id)`: that
    run does not wait. `failed(run_id, table)`: it has to be tried again.
    """

    def __init__(
        self,
        runner: str,
        lease: float,
        start: Callable[[Activation, Claim], None],
        nothing: Callable[[int], None],
        failed: Callable[[int, str], None],
    ) -> None:
        self._runner = runner
        self._lease = lease
        self._start = start
        self._nothing = nothing
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._thread = DatabaseThreads(1)
        self._lock = threading.Lock()
        self._closed = False
        self.in_flight = 0  # claims that are not over yet

    def soon(self, run_id: int, table: str) -> None:
        """Claim this run if it waits; `table` is where the answer stands, "" if not known.

        From any thread. Once closed, it is left to other runners.
        """
        with self._lock:
            if not self._closed:
                self.in_flight += 1
                self._thread.submit(self._claim, run_id, table)

    def _claim(self, run_id: int, table: str) -> None:
        claim = Claim()

        def begun(found: Activation) -> None:
            self._loop.call_soon_threadsafe(self._start, found, claim)

        def over(stands: bool, tell: Callable[[], None] | None) -> None:
            with self._lock:
                self.in_flight -= 1
            claim.end(stands)
            if tell is not None:
                tell()

        try:
            found = activation.claim_waiting(run_id, self._runner, self._lease, table, begun)
        except Exception:
            log.exception("Run %s could not be claimed; trying again.", run_id)
            again = partial(self._failed, run_id, table)
            self._loop.call_soon_threadsafe(over, False, again)
        else:
            none = None if found else partial(self._nothing, run_id)
            self._loop.call_soon_threadsafe(over, True, none)

    async def close(self) -> None:
        """End what is begun; its callbacks have been called when this returns."""
        with self._lock:
            self._closed = True
        await asyncio.to_thread(self._thread.close)
