"""Plans with their versions, steps and conversation, and the turns for which an agent waits."""

from __future__ import annotations

from plans.models.messages import MessageKind, PlanMessage
from plans.models.plan import Plan, PlanStatus
from plans.models.tries import StepRun, StepStatus
from plans.models.turns import PlanTurn, TurnKind, TurnStatus
from plans.models.versions import PlanStep, PlanVersion

__all__ = [
    "MessageKind",
    "Plan",
    "PlanMessage",
    "PlanStatus",
    "PlanStep",
    "PlanTurn",
    "PlanVersion",
    "StepRun",
    "StepStatus",
    "TurnKind",
    "TurnStatus",
]
