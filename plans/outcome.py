"""Explanations of acts that did not count, and what counts instead."""

from __future__ import annotations

from ledger.errors import AlreadyDecided, Refused, Stale
from ledger.requests.refusals import name_winner, say_when
from plans.models import Plan, PlanStatus, PlanTurn

BUSY = {
    PlanStatus.DRAFTING: "The agent is still drawing the plan up.",
    PlanStatus.REVISING: "The agent is revising the plan at this moment; its next version comes by itself.",
}


def explain_ended(plan: Plan) -> Refused:
    """The plan is over."""
    return AlreadyDecided(
        f"The plan is {plan.shown_status} already{say_when(plan.finished_at)}.", plan
    )


def explain_outdated(plan: Plan, shown: int) -> Refused:
    """The page showed another version than the current one."""
    text = f"This page showed version {shown}; by now there is version {plan.version}."
    return Stale(text, plan)


def explain_busy(plan: Plan) -> Refused:
    """It is not the people's turn."""
    why = BUSY.get(PlanStatus(plan.status), f"The plan is {plan.status.replace('_', ' ')}.")
    return AlreadyDecided(why, plan)


def explain_answered(turn: PlanTurn) -> Refused:
    """Somebody was first with this turn."""
    return AlreadyDecided(name_winner(turn, "was first", turn.outcome or turn.status), turn.plan)
