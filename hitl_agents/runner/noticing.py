"""The work a runner has noticed: the log tells of it, and a look now and then finds the rest.

Two threads meet here: the follower's hears, and the runner's loop takes up what was heard.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from hitl_agents.journal.threads import DatabaseThreads
from hitl_agents.runner.hints import NOTHING, Hint, hint_of
from hitl_agents.runner.polling import Looks
from ledger.clock import read_local_clock
from ledger.log.wake import Decided
from ledger.models import Event

TICK = 2.5  # seconds between looks that no hint asked for
MOST_TOLD = 1_000  # decisions that a hint told of, whose events are still to come


class Noticing:
    """What was noticed and nobody has seen to yet. Used in the loop, but for take_events() and claim_decided().

    `claims_at_once(hint)` is called in the follower's thread: whether the run of that decision is
    being claimed, so that there is nothing else to see to.
    """

    def __init__(self, database: DatabaseThreads, claims_at_once: Callable[[Hint], bool]) -> None:
        self.decided: dict[int, str] = {}  # runs to resume: which table the answer is in, or ""
        self.work_is_there = True  # perhaps: a run may have become free to claim
        self._database = database
        self._claims_at_once = claims_at_once
        self._looks = Looks()
        self._told_of: set[int] = set()  # events not read yet, whose runs are being claimed
        self._wake = asyncio.Event()
        self._next_look = 0.0

    def begin(self) -> None:
        """Belong to this loop. Before the first event is heard."""
        self._loop = asyncio.get_running_loop()

    # ---- In the follower's thread -----------------------------------------------------------

    def take_events(self, events: list[Event]) -> None:
        """Which runs these events may set going."""
        news = [event for event in events if event.id not in self._told_of]
        read = events[-1].id  # what is older comes no more, whether it was among these or not
        self._told_of = {number for number in self._told_of if number > read}
        hints = [hint for event in news if (hint := hint_of(event)) != NOTHING]
        left = [hint for hint in hints if not self._claims_at_once(hint)]
        if left:  # what a claim itself wrote says nothing, and comes when the run goes on
            self._loop.call_soon_threadsafe(self.take_hints, left)

    def claim_decided(self, decided: Decided) -> None:
        """Before the log is read: claim the run of that question."""
        if self._claims_at_once(Hint(decided=decided.run, table=decided.table)):
            if len(self._told_of) >= MOST_TOLD:
                self._told_of.clear()  # they never came; one that does is claimed for nothing
            self._told_of.add(decided.event)

    # ---- In the loop ------------------------------------------------------------------------

    def take_hints(self, hints: list[Hint]) -> None:
        """Note what these say, and have it seen to."""
        for hint in hints:
            if hint.time is not None:
                self._look_at(hint.time)
            if hint.decided is not None:
                self.decided[hint.decided] = hint.table
            self.work_is_there |= hint.work
        self.wake()

    def wake(self) -> None:
        """End, or leave out, the next sleep()."""
        self._wake.set()

    def try_again(self) -> None:
        """Something could not be seen to: have all of it seen to once more."""
        self.work_is_there = True
        self.wake()

    async def sleep(self) -> None:
        """Until woken or the next look. Not wait_for(): its task takes the loop some more turns."""
        pause = max(0.0, self._next_look - time.monotonic())
        look = self._loop.call_later(pause, self.wake)
        try:
            await self._wake.wait()
        finally:
            look.cancel()
        self._wake.clear()

    def _look_at(self, when: datetime) -> None:
        """Look again when this time has come, if that is sooner than the next tick."""
        self._look_in((when - read_local_clock()).total_seconds())

    def _look_in(self, seconds: float) -> None:
        self._next_look = min(self._next_look, time.monotonic() + max(0.0, seconds) + 0.005)

    @property
    def time_to_look(self) -> bool:
        return time.monotonic() >= self._next_look

    async def look(self) -> None:
        """Look for what no hint told of. If that fails, what hints told is kept for the next try."""
        self._next_look = time.monotonic() + TICK
        self.work_is_there = True
        try:
            found = await self._database(self._looks.look, TICK)
        except BaseException:
            self.wake()
            raise
        self.decided = dict.fromkeys(found.runs, "") | self.decided
        if found.next is not None:
            self._look_in(found.next)

    def take_decided(self) -> dict[int, str]:
        """The runs to resume, which the caller sees to from here on."""
        decided, self.decided = self.decided, {}
        return decided
