"""Outputs that people look at before they are used, what is set for each type, and how often to try."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from ledger.clock import now
from ledger.requests.models import (
    NOT_CLAIMED,
    Claimable,
    HumanRequest,
    RequestQuerySet,
    delivery_index,
    unique_key_constraint,
)
from reviews.contents import OutputField


class ReviewStatus(models.TextChoices):
    """pending → approved | rejected | corrected | let through (stored as released) | cancelled."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"  # approved with a person's text in its place
    # Not in the sample of its type: it may be used, and nobody looked at it.
    LET_THROUGH = "released", "Let through"
    CANCELLED = "cancelled"


REVIEWED = (ReviewStatus.APPROVED, ReviewStatus.REJECTED, ReviewStatus.CORRECTED)


class Rendering(models.TextChoices):
    """How an output is shown to read it."""

    AUTO = "auto", "by what it is"
    MARKDOWN = "markdown", "Markdown"
    CODE = "code", "code"
    JSON = "json", "JSON tree"
    DIFF = "diff", "difference"
    TEXT = "text", "plain text"


class OutputType(models.Model):
    """A kind of output, such as "newsletter": how much of it is reviewed and how it is shown."""

    name = models.CharField(max_length=200, unique=True)
    share = models.DecimalField(
        "share reviewed",
        max_digits=5,
        decimal_places=2,
        default=Decimal(100),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Per cent of the outputs that a person must look at, drawn at random. "
        "The rest is let through at once and marked as not reviewed.",
    )
    rendering = models.CharField(max_length=16, choices=Rendering, default=Rendering.AUTO)
    language = models.CharField(
        max_length=50, blank=True, help_text="Of code, such as python; empty for the type's name."
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"reviews.outputtype:{self.pk}"

    @property
    def rule(self) -> dict[str, Any]:
        """What is set, as the log has it."""
        return {
            "type": self.name,
            "share": str(self.share),
            "rendering": str(self.rendering),
            "language": self.language,
        }


class TryLimit(models.Model):
    """How often an agent may try before a rejection is final. Without a row: three times."""

    agent_id = models.CharField("agent", max_length=200, unique=True)
    tries = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="1 means that it does not try again.",
    )

    class Meta:
        ordering: ClassVar = ["agent_id"]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.tries}"

    @property
    def subject(self) -> str:
        return f"reviews.trylimit:{self.pk}"


class ReviewItemQuerySet(RequestQuerySet):
    def light(self) -> ReviewItemQuerySet:
        """Without what may be large: for lists."""
        return self.defer(*ReviewItem.HEAVY)

    def free_for(self, user: Any) -> ReviewItemQuerySet:
        """Pending, and in nobody else's hands."""
        return self.filter(NOT_CLAIMED | Q(claimed_by=user), status=ReviewStatus.PENDING)


class ReviewItem(Claimable, HumanRequest):
    """One output. A further try of the agent is a new row, linked by `previous`."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        ReviewStatus.PENDING: {
            ReviewStatus.APPROVED,
            ReviewStatus.REJECTED,
            ReviewStatus.CORRECTED,
            ReviewStatus.LET_THROUGH,
            ReviewStatus.CANCELLED,
        },
    }
    HEAVY: ClassVar[tuple[str, ...]] = ("content", "context", "correction")

    output_type = models.CharField(max_length=200)
    content = OutputField(help_text="What the agent made; never changed.")
    context = OutputField(null=True, help_text="What the agent says it was made from.")
    correction = OutputField(null=True, help_text="What a person put in its place.")
    digest = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes of the output as stored.")
    words = models.PositiveBigIntegerField()
    preview = models.CharField(max_length=300, blank=True)
    topic = models.CharField(max_length=600, blank=True)
    status = models.CharField(max_length=16, choices=ReviewStatus, default=ReviewStatus.PENDING)
    reviewed = models.BooleanField(default=False)
    approved = models.BooleanField(null=True, blank=True)
    share = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(100))
    previous = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="next"
    )
    attempt = models.PositiveIntegerField(default=1)
    claimed_at = models.DateTimeField(null=True, blank=True)

    objects = ReviewItemQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [("decide_reviewitem", "Can decide whether an output may be used")]
        indexes: ClassVar = [
            models.Index(fields=["status", "id"], name="review_by_status"),
            models.Index(
                fields=["agent_id", "output_type", "-id"], name="review_by_agent_and_type"
            ),
            models.Index(fields=["output_type", "-id"], name="review_by_type"),
            models.Index(fields=["reviewer", "resolved_at"], name="review_by_reviewer"),
            models.Index(
                fields=["claimed_by", "id"],
                condition=Q(status="pending", claimed_by__isnull=False),
                name="review_claimed",
            ),
            delivery_index("review_undelivered"),
        ]
        constraints: ClassVar = [unique_key_constraint("review_once_per_run_and_key")]

    def __str__(self) -> str:
        return f"{self.output_type} {self.pk} ({self.status})"

    @property
    def usable(self) -> Any:
        """What may be used: the output, or what a person put in its place; None while nothing may."""
        if self.status == ReviewStatus.CORRECTED:
            return self.correction
        may = self.status in (ReviewStatus.APPROVED, ReviewStatus.LET_THROUGH)
        return self.content if may else None
