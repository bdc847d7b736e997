"""The verbs of wishes."""

from __future__ import annotations

from typing import Any

from ledger.clock import now
from ledger.models import Run
from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import move, record, verb
from tests.toy_pattern.models import Wish


@verb
def ask(wanted: str, run: Run | None = None, risk: RiskLevel = RiskLevel.HIGH) -> Wish:
    """Wish for that."""
    wish = Wish.objects.create(
        wanted=wanted, agent_id="wisher", run=run, risk_level=risk, risk_rank=risk.rank
    )
    run_id = run.pk if run else None
    record("wishes.asked", wish.subject, actor="agent:wisher", run_id=run_id, risk=str(risk))
    return wish


@verb
def grant(wish: Wish, by: Any) -> Wish:
    """Let the agent have it."""
    changes = {"reviewer": by, "resolved_at": now()}
    move(wish, "granted", kind="wishes.granted", actor=actor_for(by), changes=changes)
    return wish
