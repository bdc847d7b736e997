"""The tries at the steps of a plan while it is carried out."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from ledger.clock import now
from plans.models.plan import Plan
from plans.models.versions import PlanStep


class StepStatus(models.TextChoices):
    """waiting (for a person's words) → running → done | failed."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class StepRun(models.Model):
    """One try at a step. A step without one has not been begun."""

    Status = StepStatus
    MOVES: ClassVar[dict[str, set[str]]] = {
        StepStatus.WAITING: {StepStatus.RUNNING},
        StepStatus.RUNNING: {StepStatus.DONE, StepStatus.FAILED},
    }

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="tries")
    step = models.ForeignKey(PlanStep, models.PROTECT, related_name="tries")
    identity = models.CharField(max_length=20)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=16, choices=StepStatus)
    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    human_input = models.TextField(null=True, blank=True)  # noqa: DJ001  # None: nobody was asked
    input_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = "try at a step"
        verbose_name_plural = "tries at steps"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "identity", "attempt"], name="plan_step_try_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.identity} ({self.status})"

    @property
    def subject(self) -> str:
        return self.plan.subject

    @property
    def run_id(self) -> int | None:
        return self.plan.run_id
