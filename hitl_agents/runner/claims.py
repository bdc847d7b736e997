"""Claims of decided runs, the shortest way from a decision to the agent's next line.

Whoever hears of a decision hands the run to a thread that does nothing but claim, one after the
other; its connection stays warm. As soon as the claim has locked and read the run, the agent is
called in the loop, while the claim's own rows are written and made durable. The agent's next step
waits for that commit, and never begins if it fails: then all that the agent did was in memory,
as if the runner had been killed right after the agent's line.

Nothing more is claimed until the loop has called that agent: an agent's code may block the loop,
and then what is decided meanwhile is for other runners.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial

from hitl_agents.journal import activation
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.runner import backoff
from hitl_agents.runner.backoff import Backoff

log = logging.getLogger(__name__)

HELD = 0.05  # seconds until a run is tried again whose row somebody else has locked


class Claims:
    """The thread that claims for one runner. Its callbacks are called in the runner's loop.

    `start(activation, claim)`: the agent of a claimed run is to be called. `nothing(run_id)`: that
    run does not wait, or for nothing that is there. `again(run_id, table)`: a claim that failed is
    to be tried again now.
    """

    def __init__(
        self,
        runner: str,
        lease: float,
        start: Callable[[Activation, Claim], None],
        nothing: Callable[[int], None],
        again: Callable[[int, str], None],
    ) -> None:
        self._runner = runner
        self._lease = lease
        self._start = start
        self._nothing = nothing
        self._again = again
        self._backoff = Backoff()
        self._loop = asyncio.get_running_loop()
        self._thread = DatabaseThreads(1)
        self._lock = threading.Lock()
        self._closed = False
        self._taken_up = threading.Event()  # the loop has called the agent claimed last
        self._taken_up.set()
        self.held: set[int] = set()  # claimed, and not driven yet; their leases are kept, too
        self.in_flight = 0  # claims that are not over yet
        self.soon_again = 0  # claims that failed and are tried again within a second

    def submit(self, run_id: int, table: str) -> None:
        """Claim this run if it waits; `table` is where the answer stands, "" if not known.

        From any thread. Once closed, it is left to other runners.
        """
        with self._lock:
            if not self._closed:
                self.in_flight += 1
                self._thread.submit(self._claim, run_id, table)

    def rests(self, run_id: int) -> bool:
        """Whether a claim of this run has failed, and again() is called later. From any thread."""
        return self._backoff.rests(run_id)

    def _claim(self, run_id: int, table: str) -> None:
        claim = Claim()
        self._taken_up.wait()

        def start(found: Activation) -> None:
            self._taken_up.set()
            self._start(found, claim)

        def note_begun(found: Activation) -> None:
            self._taken_up.clear()
            self.held.add(run_id)
            self._loop.call_soon_threadsafe(start, found)

        def over(stands: bool, tell: Callable[[], None]) -> None:
            with self._lock:
                self.in_flight -= 1
            claim.end(stands)
            tell()

        try:
            found = activation.claim_waiting(run_id, self._runner, self._lease, table, note_begun)
        except activation.Held:
            # By another runner, most likely, which takes it. But perhaps that one fails.
            later = partial(self._try_again, HELD, run_id, table)
            self._loop.call_soon_threadsafe(over, False, later)
        except Exception as error:
            pause = self._backoff.note_failure(run_id, error)
            log.exception("Run %s could not be claimed; trying again in %s s.", run_id, pause)
            later = partial(self._try_again, pause, run_id, table)
            self._loop.call_soon_threadsafe(over, False, later)
        else:
            self._backoff.forget(run_id)
            told = partial(self._nothing, run_id) if found is None else lambda: None
            self._loop.call_soon_threadsafe(over, True, told)

    def _try_again(self, seconds: float, run_id: int, table: str) -> None:
        """Have it tried again after that time; a runner that ends when idle waits for a short one."""
        soon = seconds <= backoff.AGAIN
        self.soon_again += soon

        def try_now() -> None:
            self.soon_again -= soon
            self._again(run_id, table)

        self._loop.call_later(seconds, try_now)

    async def close(self) -> None:
        """End what is begun; its callbacks have been called when this returns."""
        with self._lock:
            was_closed, self._closed = self._closed, True
        if was_closed:
            return
        await asyncio.to_thread(self._thread.close)
