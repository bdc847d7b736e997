"""How the ground and the journal handle the turns of plans."""

from __future__ import annotations

from ledger import patterns
from plans import lookup, rules
from plans.models import PlanTurn


def register() -> None:
    """Make turns known; called once, when Django starts. They have no deadline."""
    patterns.register(
        patterns.Pattern(
            model=PlanTurn,
            by_id=lookup.turn_by_id,
            related=("run", "reviewer", "plan"),
            refusal=lambda turn, user: rules.no_part(turn.plan, user),
        )
    )
