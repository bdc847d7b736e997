"""The conversation about a plan."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from ledger.clock import now
from plans.models.plan import Plan


class MessageKind(models.TextChoices):
    FEEDBACK = "feedback"
    COMMENT = "comment"
    ANSWER = "answer"  # to a question of the plan
    INPUT = "input"  # what a step had asked for
    AGENT = "agent"  # what the agent says about its version


class PlanMessage(models.Model):
    """One thing that was said about a plan. Never changed."""

    Kind = MessageKind

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="messages")
    version = models.PositiveIntegerField(help_text="The version it was said about.")
    kind = models.CharField(max_length=16, choices=MessageKind)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    step = models.CharField(max_length=20, blank=True)
    about = models.TextField(blank=True, help_text="The step's title, or the question.")
    question = models.CharField(max_length=20, blank=True)
    text = models.TextField()
    at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text[:40]}"
