"""Escalations, the rules they are asked under, and the answers that are kept for later."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from ledger.canonical import CanonicalJSONField
from ledger.clock import now
from ledger.requests.models import (
    Claimable,
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
SURE = 0.7  # the threshold of an agent that names none


class EscalationStatus(models.TextChoices):
    """pending → handled (by the program) | answered | dismissed | expired."""

    PENDING = "pending"
    HANDLED = "handled"
    ANSWERED = "answered"
    DISMISSED = "dismissed"
    EXPIRED = "expired"


class Resolution(models.TextChoices):
    """How an escalation came to its status."""

    OPEN = "", "not yet"
    PERSON = "person", "by a person"
    HANDLER = "handler", "by a handler"
    DEADLINE = "deadline", "by the deadline"
    RUN_OVER = "run_over", "the run was over"


class AttemptWas(models.TextChoices):
    """What a person says about the agent's own attempt."""

    UNKNOWN = "", "not said"
    RIGHT = "right", "Right"
    PARTLY = "partly", "Partly"
    WRONG = "wrong", "Wrong"


class Threshold(models.Model):
    """From which confidence an agent goes on alone, how urgent its questions are, how long they wait.

    The most exact row counts: that agent and that type, then the agent, then the type.
    """

    agent_id = models.CharField(
        "agent", max_length=200, blank=True, help_text="Empty: of every agent."
    )
    type = models.CharField(max_length=200, blank=True, help_text="Empty: of every type.")
    confidence = models.FloatField(
        default=SURE,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="0 to 1. The agent asks a person when it is less sure than this.",
    )
    risk_level = models.CharField(
        max_length=16,
        choices=RiskLevel,
        default=RiskLevel.MEDIUM,
        help_text="Orders its questions in the inbox.",
    )
    deadline_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=DAY,
        help_text="The agent goes on as uncertain then. Empty waits as long as it takes.",
    )

    class Meta:
        ordering: ClassVar = ["agent_id", "type"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agent_id", "type"], name="threshold_once"),
            models.CheckConstraint(
                condition=~Q(agent_id="", type=""), name="threshold_of_something"
            ),
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.agent_id or "any agent", self.type) if part)

    @property
    def subject(self) -> str:
        return f"escalations.threshold:{self.pk}"

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as it is now, in the form that an escalation keeps."""
        return {
            "row": self.pk,
            "agent_id": self.agent_id,
            "type": self.type,
            "confidence": self.confidence,
            "risk_level": self.risk_level,
            "deadline_seconds": self.deadline_seconds,
        }


class Escalation(Claimable, Shortenable, HumanRequest):
    """One question of an agent that is not sure, with what it knows and what it would have said."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        EscalationStatus.PENDING: {
            EscalationStatus.HANDLED,
            EscalationStatus.ANSWERED,
            EscalationStatus.DISMISSED,
            EscalationStatus.EXPIRED,
        },
    }
    CANCELLED = EscalationStatus.DISMISSED
    CANCEL_CHANGES: ClassVar[dict[str, Any]] = {
        "resolution": Resolution.RUN_OVER,
        "claimed_by": None,
        "claimed_until": None,
    }

    type = models.CharField(max_length=200)
    reason = models.TextField()
    context = CanonicalJSONField(help_text="What the agent knows; stored as RFC 8785 text.")
    digest = models.CharField(max_length=64)
    confidence = models.FloatField(null=True, blank=True, help_text="As the agent stated it.")
    rule = models.JSONField(help_text="The threshold's row, or the agent's own, when it asked.")
    risk_level = models.CharField(max_length=16, choices=RiskLevel)
    risk_rank = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=16, choices=EscalationStatus, default=EscalationStatus.PENDING
    )
    resolution = models.CharField(max_length=16, choices=Resolution, blank=True, default="")
    response = CanonicalJSONField(
        default=None, blank=True, help_text="The answer: a person's words, or what a handler gave."
    )
    handler = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="Of the program's handler: called, or failed. Empty: there was none.",
    )
    handed_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    handed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    handed_note = models.TextField(blank=True)
    attempt_was = models.CharField(max_length=16, choices=AttemptWas, blank=True, default="")
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = RequestQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [("answer_escalation", "Can answer what agents are unsure about")]
        indexes: ClassVar = [
            urgency_index("escalation_by_urgency"),
            due_index("escalation_due"),
            models.Index(fields=["status", "-id"], name="escalation_by_status"),
            models.Index(fields=["agent_id", "-id"], name="escalation_by_agent"),
            models.Index(
                fields=["agent_id", "type", "confidence"],
                condition=~Q(attempt_was=""),
                name="escalation_judged",
            ),
            models.Index(
                fields=["resolved_at"],
                condition=~Q(attempt_was=""),
                name="escalation_judged_when",
            ),
            delivery_index("escalation_undelivered"),
        ]
        constraints: ClassVar = [unique_key_constraint("escalation_once_per_run_and_key")]

    def __str__(self) -> str:
        return f"escalation {self.pk} ({self.status})"

    def get_absolute_url(self) -> str:
        return reverse("escalations:detail", args=[self.pk])

    def get_from_context(self, name: str) -> Any:
        """What the context has under that name; None if it has no such name."""
        return self.context.get(name) if isinstance(self.context, dict) else None

    @property
    def confidence_read(self) -> bool:
        """Whether the model stated its confidence readably; if not, it counts as 0.5."""
        return self.get_from_context("confidence_read") is not False

    @property
    def attempt(self) -> str:
        """What the agent would have said; "" if it said nothing."""
        found = self.get_from_context("attempted_response")
        return found if isinstance(found, str) else ""

    @property
    def question(self) -> str:
        """What is asked, in the agent's words: its task where the context has one, else the reason."""
        task = self.get_from_context("task")
        return task if isinstance(task, str) and task.strip() else self.reason

    @property
    def threshold(self) -> float | None:
        """The confidence below which it asks, as it was then."""
        found: float | None = self.rule.get("confidence")
        return found


class Knowledge(models.Model):
    """An answer that is kept for similar questions of the same agent, until somebody retires it."""

    escalation = models.OneToOneField(Escalation, models.PROTECT, related_name="knowledge")
    agent_id = models.CharField("agent", max_length=200)
    question = models.TextField()
    answer = models.TextField()
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)
    uses = models.PositiveIntegerField(default=0, help_text="How often it was put into a prompt.")
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "knowledge"
        indexes: ClassVar = [models.Index(fields=["agent_id", "-id"], name="knowledge_by_agent")]

    def __str__(self) -> str:
        return f"answer to escalation {self.escalation_id}"

    @property
    def subject(self) -> str:
        return f"escalations.knowledge:{self.pk}"


class Term(models.Model):
    """In how many kept questions of an agent a word stands: the rare ones are searched by."""

    agent = models.CharField(max_length=64, help_text="The agent's word in the index.")
    word = models.CharField(max_length=64)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agent", "word"], name="term_once")
        ]

    def __str__(self) -> str:
        return f"{self.word} ({self.count})"
