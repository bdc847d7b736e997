"""Claims of waiting runs as the steps of a story go by; runners ask hitl_agents.journal.activation for them."""

from __future__ import annotations

from ledger import leases
from ledger.models import Run
from ledger.transitions import verb


@verb
def claim_waiting(run_id: int, runner: str = "r", lease: float = 60) -> Run | None:
    """Claim a run that waits, decided or not; None if it does not wait."""
    for run in leases.locked_waiting(id=run_id):
        return leases.take_locked(run, runner, lease)
    return None
