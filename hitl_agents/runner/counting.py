"""Counting the log into the figures, beside the work of a runner."""

from __future__ import annotations

import asyncio
import logging

from figures import rollups
from hitl_agents.journal.threads import DatabaseThreads
from ledger.models import Event

log = logging.getLogger(__name__)

COUNTING = 0.5  # seconds, at most, in which the log is counted at a time


class Counting:
    """Has what is new in the log counted; an idle runner asks nothing for it.

    Beside everything else: nobody waits for the figures, and no decision may wait for them.
    """

    def __init__(self, database: DatabaseThreads) -> None:
        self._database = database
        self._to_count = True  # perhaps: the log may have grown since it was counted
        self._task: asyncio.Task[None] | None = None

    def note_events(self, _: list[Event]) -> None:
        """In the follower's thread: the log has grown."""
        self._to_count = True

    def begin(self) -> None:
        """Count if there may be something to count and nobody is at it."""
        if self._to_count and (self._task is None or self._task.done()):
            self._to_count = False  # before counting: more may come meanwhile
            self._task = asyncio.create_task(self._count())

    async def end(self) -> None:
        """Returns when nothing is being counted any more."""
        if self._task is not None:
            await self._task

    async def _count(self) -> None:
        try:
            if not await self._database(rollups.catch_up, COUNTING):
                self._to_count = True
        except Exception:
            log.exception("The figures were not counted; trying again when the log grows.")
