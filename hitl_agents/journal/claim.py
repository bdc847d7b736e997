"""A claim of a run, which its agent's next step waits for."""

from __future__ import annotations

import asyncio

from ledger.errors import LostLease


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
