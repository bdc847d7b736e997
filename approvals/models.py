"""Gates, and the requests that agents put before them: "may I do this?"."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.urls import reverse

from approvals import actions
from ledger.canonical import CanonicalJSONField
from ledger.clock import now
from ledger.requests.models import (
    HumanRequest,
    RequestQuerySet,
    Shortenable,
    delivery_index,
    due_index,
    unique_key_constraint,
    urgency_index,
)
from ledger.risk import RiskLevel

DAY = 24 * 60 * 60


class ApprovalStatus(models.TextChoices):
    """pending → approved | rejected | needs_revision | cancelled. A deadline rejects."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    NEEDS_REVISION = "needs_revision"
    CANCELLED = "cancelled"


class Resolution(models.TextChoices):
    """How a request came to its status."""

    OPEN = "", "not yet"
    PERSON = "person", "by a person"
    RULE = "rule", "by the gate's rule"
    DEADLINE = "deadline", "by the deadline"
    EDITED = "edited", "by a person who edited it"
    CANCELLED = "cancelled", "cancelled"


class Gate(models.Model):
    """A named gate: from which risk it asks, how long it waits, and who may decide."""

    name = models.CharField(max_length=200, unique=True)
    risk_threshold = models.CharField(
        max_length=16,
        choices=RiskLevel,
        default=RiskLevel.MEDIUM,
        help_text="Asks a person at this risk or above; below, it is recorded as approved.",
    )
    deadline_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=DAY,
        help_text="Rejected when nobody has decided by then. Empty waits as long as it takes.",
    )
    deciders = models.ManyToManyField(
        Group, blank=True, help_text="Members may decide. Superusers always may."
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"approvals.gate:{self.pk}"

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as it is now, in the form that a request keeps."""
        return {
            "gate": self.name,
            "threshold": self.risk_threshold,
            "deadline_seconds": self.deadline_seconds,
            "deciders": sorted(self.deciders.values_list("name", flat=True)),
        }


class ApprovalRequestQuerySet(RequestQuerySet):
    def by_urgency(self) -> ApprovalRequestQuerySet:
        """Highest risk first, then what ends soonest; without a deadline last."""
        return self.order_by("-risk_rank", models.F("deadline").asc(nulls_last=True), "id")


class ApprovalRequest(Shortenable, HumanRequest):
    """One action with its exact arguments, asked for at a gate. A revision is a new row."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        ApprovalStatus.PENDING: {
            ApprovalStatus.APPROVED,
            ApprovalStatus.REJECTED,
            ApprovalStatus.NEEDS_REVISION,
            ApprovalStatus.CANCELLED,
        },
    }
    CANCEL_CHANGES: ClassVar[dict[str, Any]] = {"resolution": Resolution.CANCELLED}

    gate = models.ForeignKey(Gate, models.PROTECT, related_name="requests")
    action = models.CharField(max_length=200)
    details = CanonicalJSONField(help_text="The arguments; stored as the RFC 8785 text that runs.")
    digest = models.CharField(max_length=64)
    risk_level = models.CharField(max_length=16, choices=RiskLevel)
    risk_rank = models.PositiveSmallIntegerField()
    risk_stated = models.CharField(max_length=16, choices=RiskLevel)
    risk_declared = models.CharField(max_length=16, choices=RiskLevel, blank=True)
    risk_read = models.BooleanField(
        default=True,
        help_text="Whether the model's risk could be read; if not, a person is asked in any case.",
    )
    rule = models.JSONField(help_text="The gate's rule when this was asked.")
    status = models.CharField(max_length=16, choices=ApprovalStatus, default=ApprovalStatus.PENDING)
    resolution = models.CharField(max_length=16, choices=Resolution, blank=True, default="")
    previous = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="next"
    )
    revision = models.PositiveIntegerField(default=1)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The reviewer who wrote this revision; empty when the agent did.",
    )
    story = models.TextField(blank=True, help_text="The agent's own words. Not checked.")
    preview = models.CharField(max_length=500, blank=True)
    undoable = models.BooleanField(null=True, blank=True)

    objects = ApprovalRequestQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("decide_approvalrequest", "Can decide approval requests, where the gate allows it")
        ]
        indexes: ClassVar = [
            urgency_index("approval_pending_by_urgency"),
            due_index("approval_due"),
            models.Index(fields=["status", "-id"], name="approval_by_status"),
            models.Index(fields=["agent_id", "-id"], name="approval_by_agent"),
            models.Index(fields=["agent_id", "action", "-id"], name="approval_by_action"),
            delivery_index("approval_undelivered"),
        ]
        constraints: ClassVar = [unique_key_constraint("approval_once_per_run_and_key")]

    def __str__(self) -> str:
        return f"{self.action} ({self.status})"

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("approvals:detail", args=[self.pk])

    @property
    def declared(self) -> actions.Action | None:
        """The registered action of that name, if this installation has one."""
        return actions.get(self.action)
