"""The turns of the people's, for which an agent waits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.urls import reverse

from ledger.requests.models import (
    HumanRequest,
    RequestQuerySet,
    delivery_index,
    unique_key_constraint,
    urgency_index,
)
from ledger.risk import RiskLevel
from plans.models.plan import Plan


class TurnKind(models.TextChoices):
    FEEDBACK = "feedback", "awaits feedback"
    INPUT = "input", "needs your input"
    FAILED = "failed", "a step failed"


class TurnStatus(models.TextChoices):
    PENDING = "pending"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class PlanTurn(HumanRequest):
    """It is the people's turn: a run that works on a plan waits for this."""

    Kind = TurnKind
    MOVES: ClassVar[dict[str, set[str]]] = {
        TurnStatus.PENDING: {TurnStatus.ANSWERED, TurnStatus.CANCELLED},
    }

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="turns")
    kind = models.CharField(max_length=16, choices=TurnKind)
    version = models.PositiveIntegerField()
    step = models.CharField(max_length=20, blank=True)
    title = models.CharField(max_length=200, blank=True, help_text="The step's title.")
    asks = models.TextField(blank=True, help_text="What is asked, in the agent's words.")
    outcome = models.CharField(
        max_length=20, blank=True, help_text="feedback, accept, stop, input, retry, edit or moot."
    )
    status = models.CharField(max_length=16, choices=TurnStatus, default=TurnStatus.PENDING)
    risk_level = models.CharField(max_length=16, choices=RiskLevel)
    risk_rank = models.PositiveSmallIntegerField()

    objects = RequestQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            urgency_index("turn_pending_by_urgency"),
            models.Index(fields=["agent_id", "-id"], name="turn_by_agent"),
            delivery_index("turn_undelivered"),
        ]
        constraints: ClassVar = [unique_key_constraint("turn_once_per_run_and_key")]

    def __str__(self) -> str:
        return f"{self.kind} for plan {self.plan_id} ({self.status})"

    def get_absolute_url(self) -> str:
        """The page where it is answered: the plan's."""
        return reverse("plans:detail", args=[self.plan_id])

    @property
    def preview(self) -> str:
        """One line for a run's timeline."""
        return {
            TurnKind.FEEDBACK.value: f"version {self.version} awaits feedback",
            TurnKind.INPUT.value: f"step “{self.title}” needs input",
            TurnKind.FAILED.value: f"step “{self.title}” failed",
        }[self.kind]
