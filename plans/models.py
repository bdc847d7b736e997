"""Plans with their versions, steps and conversation, and the turns for which an agent waits."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from ledger.clock import now
from ledger.models import HumanRequest, RequestQuerySet, Run
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
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "key"],
                condition=Q(run__isnull=False) & ~Q(key=""),
                name="plan_once_per_run_and_key",
            )
        ]

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
    key = models.CharField(max_length=300, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["-risk_rank", "deadline", "id"],
                condition=Q(status="pending"),
                name="turn_pending_by_urgency",
            ),
            models.Index(fields=["agent_id", "-id"], name="turn_by_agent"),
            models.Index(
                fields=["delivered_at", "resolved_at"],
                condition=Q(run__isnull=False, resolved_at__isnull=False, delivered_at=None),
                name="turn_undelivered",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "key"],
                condition=Q(run__isnull=False) & ~Q(key=""),
                name="turn_once_per_run_and_key",
            )
        ]

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
