"""The versions of a plan and their steps: never changed, each stands beside those before it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from ledger.clock import now
from ledger.risk import RiskLevel
from plans.models.plan import Plan


class PlanVersion(models.Model):
    """The plan as somebody left it. Never changed: only that it was accepted is noted on it."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person who changed it; empty when the agent did.",
    )
    created_at = models.DateTimeField(default=now)
    explanation = models.TextField(blank=True, help_text="What changed and why, by its author.")
    decisions = models.JSONField(default=list, help_text="What needs a human's decision.")
    risks = models.JSONField(default=list)
    questions = models.JSONField(default=list, help_text="To the human: id and text.")
    heard = models.PositiveBigIntegerField(
        default=0, help_text="The last message that the agent had been told; 0 for a person's."
    )
    material = models.BooleanField(default=True, help_text="More than other words.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["plan_id", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of plan {self.plan_id}"


class PlanStep(models.Model):
    """A step as one version has it. `identity` is the same in every version of the plan."""

    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="steps")
    position = models.PositiveIntegerField()
    identity = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    does = models.TextField(blank=True, help_text="What will be done.")
    actions = models.JSONField(default=list, help_text="The actions that it may use.")
    risk_level = models.CharField(max_length=16, choices=RiskLevel)
    undoable = models.BooleanField(null=True, blank=True)
    person = models.BooleanField(default=False, help_text="Needs a person.")
    asks = models.TextField(blank=True, help_text="What the person is asked.")
    note = models.TextField(blank=True, help_text="The agent's own words about it.")

    class Meta:
        ordering: ClassVar = ["version_id", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "identity"], name="plan_step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.title}"
