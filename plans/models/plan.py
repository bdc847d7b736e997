"""A plan: its goal, and how far people and agent have come with it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.urls import reverse

from ledger.clock import now
from ledger.models import Run
from ledger.requests.models import unique_key_constraint
from ledger.risk import RiskLevel


class PlanStatus(models.TextChoices):
    """drafting → awaiting_feedback ⇄ revising → accepted → executing → completed | stopped | failed."""

    DRAFTING = "drafting"
    AWAITING_FEEDBACK = "awaiting_feedback"
    REVISING = "revising"
    ACCEPTED = "accepted"
    EXECUTING = "executing"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


class Plan(models.Model):
    """How a goal is to be reached. `version` is the current one; every change makes the next."""

    Status = PlanStatus
    MOVES: ClassVar[dict[str, set[str]]] = {
        PlanStatus.DRAFTING: {
            PlanStatus.AWAITING_FEEDBACK,
            PlanStatus.STOPPED,
            PlanStatus.FAILED,
        },
        PlanStatus.AWAITING_FEEDBACK: {
            PlanStatus.AWAITING_FEEDBACK,
            PlanStatus.REVISING,
            PlanStatus.ACCEPTED,
            PlanStatus.STOPPED,
            PlanStatus.FAILED,
        },
        PlanStatus.REVISING: {
            PlanStatus.AWAITING_FEEDBACK,
            PlanStatus.ACCEPTED,
            PlanStatus.STOPPED,
            PlanStatus.FAILED,
        },
        PlanStatus.ACCEPTED: {
            PlanStatus.ACCEPTED,
            PlanStatus.EXECUTING,
            PlanStatus.AWAITING_FEEDBACK,
            PlanStatus.REVISING,
            PlanStatus.COMPLETED,
            PlanStatus.STOPPED,
            PlanStatus.FAILED,
        },
        PlanStatus.EXECUTING: {
            PlanStatus.EXECUTING,
            PlanStatus.AWAITING_FEEDBACK,
            PlanStatus.REVISING,
            PlanStatus.COMPLETED,
            PlanStatus.STOPPED,
            PlanStatus.FAILED,
        },
    }
    OVER = (PlanStatus.COMPLETED, PlanStatus.STOPPED, PlanStatus.FAILED)
    RUNS = (PlanStatus.ACCEPTED, PlanStatus.EXECUTING)  # what was accepted may be carried out

    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="+")
    key = models.CharField(max_length=300, blank=True)
    agent_id = models.CharField(max_length=200)
    goal = models.TextField()
    status = models.CharField(max_length=20, choices=PlanStatus, default=PlanStatus.DRAFTING)
    version = models.PositiveIntegerField(default=0, help_text="The current version; 0: none yet.")
    accepted_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="What may be carried out; the same in other words counts."
    )
    first_accepted_at = models.DateTimeField(null=True, blank=True)
    risk_level = models.CharField(max_length=16, choices=RiskLevel, default=RiskLevel.LOW)
    actions = models.JSONField(
        default=list, help_text="The actions that its steps may use: name, risk, undoable."
    )
    steps_made = models.PositiveIntegerField(default=0, help_text="For the names of new steps.")
    text = models.TextField(blank=True, help_text="What the model said when it was no plan.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions: ClassVar = [("decide_plan", "Can work on plans and accept them")]
        indexes: ClassVar = [
            models.Index(fields=["status", "-id"], name="plan_by_status"),
            models.Index(fields=["agent_id", "-id"], name="plan_by_agent"),
        ]
        constraints: ClassVar = [unique_key_constraint("plan_once_per_run_and_key")]

    def __str__(self) -> str:
        return f"plan {self.pk} ({self.status})"

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("plans:detail", args=[self.pk])

    @property
    def subject(self) -> str:
        return f"plans.plan:{self.pk}"

    @property
    def shown_status(self) -> str:
        """The status as people should see it: with its run, a plan is over too."""
        if self.status in self.OVER or self.run is None or not self.run.over:
            return str(self.status)
        ended = {Run.Status.CANCELLED: PlanStatus.STOPPED, Run.Status.FAILED: PlanStatus.FAILED}
        return str(ended.get(Run.Status(self.run.status), PlanStatus.STOPPED))

    @property
    def over(self) -> bool:
        return self.shown_status in self.OVER
