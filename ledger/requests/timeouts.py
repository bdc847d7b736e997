"""Default timeouts of waiters to whom none was given: not the same inside a run and elsewhere."""

from __future__ import annotations

from contextvars import ContextVar

# Set around an agent's code by whoever drives its run; all that it starts inherits it.
IN_RUN: ContextVar[bool] = ContextVar("hitl_in_run", default=False)


class Unsaid(float):
    """The timeout of a caller who gave none: told by its type from the same number, given."""


DEFAULT: float = Unsaid(300.0)  # seconds


def resolve_timeout(timeout: float | None) -> float | None:
    """The timeout that ends the question if it passes first; None leaves that to its deadline.

    A program waits in memory, so it has a default. A run may wait as long as its question does.
    """
    return None if isinstance(timeout, Unsaid) and IN_RUN.get() else timeout
