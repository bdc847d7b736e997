"""Abstract models of requests: the columns, the words for rows, the indexes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from ledger.clock import DbNow, now, read_local_clock
from ledger.models import Run

STILL_OPEN = Q(deadline=None) | Q(deadline__gt=DbNow())  # by the database's clock
OPEN = Q(STILL_OPEN, status="pending")
OVERDUE = Q(status="pending", deadline__lte=DbNow())
NOT_CLAIMED = Q(claimed_by=None) | Q(claimed_until__lte=DbNow())


class RequestQuerySet(models.QuerySet[Any]):
    """Words for every kind of question. Time is the database's."""

    def open(self) -> Self:
        """Pending and not past the deadline: what a person can still decide."""
        return self.filter(OPEN)

    def overdue(self) -> Self:
        """Pending although the deadline has passed: shown and counted as expired everywhere."""
        return self.filter(OVERDUE)

    def undelivered(self) -> Self:
        """Decided, but the run that asked has not gone on with it yet."""
        return self.filter(run__isnull=False, resolved_at__isnull=False, delivered_at=None)


class HumanRequest(models.Model):
    """Something an agent asks a person. Each pattern has its own table with these columns."""

    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="+")
    agent_id = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)
    deadline = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    feedback = models.TextField(blank=True)
    key = models.CharField(max_length=300, blank=True)

    status: Any  # each pattern brings its own words; "pending" is open in all of them
    MOVES: ClassVar[dict[str, set[str]]]
    CANCELLED: ClassVar[str] = "cancelled"  # the status of a question whose run is over
    CANCEL_CHANGES: ClassVar[dict[str, Any]] = {}  # what else changes then
    objects: Any

    class Meta:
        abstract = True

    @property
    def subject(self) -> str:
        return f"{self._meta.label_lower}:{self.pk}"

    @property
    def expired(self) -> bool:
        """Pending past its deadline, for showing; deciding asks the database's clock again."""
        return (
            self.status == "pending"
            and self.deadline is not None
            and self.deadline <= read_local_clock()
        )

    @property
    def shown_status(self) -> str:
        """The status as people should see it: an overdue request is expired for everyone."""
        return "expired" if self.expired else str(self.status)


class Shortenable(models.Model):
    """A request whose deadline a waiter may bring forward, once (see ledger.requests.deadlines)."""

    shortened = models.BooleanField(default=False, help_text="The deadline was shortened once.")

    class Meta:
        abstract = True


class Claimable(models.Model):
    """A request that somebody may have in hand for a while (see ledger.requests.claims)."""

    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)

    status: Any

    class Meta:
        abstract = True

    @property
    def is_claimed(self) -> bool:
        """Whether somebody has it in hand, for showing; claiming asks the database's clock again."""
        until = self.claimed_until
        return self.status == "pending" and until is not None and until > read_local_clock()


# Indexes and constraints that the tables have in common; each has names of its own.


def unique_key_constraint(name: str) -> models.UniqueConstraint:
    """A run that is replayed asks nothing twice."""
    asked_by_a_run = Q(run__isnull=False) & ~Q(key="")
    return models.UniqueConstraint(fields=["run", "key"], condition=asked_by_a_run, name=name)


def delivery_index(name: str) -> models.Index:
    """The few that are decided and not taken up yet."""
    return models.Index(
        fields=["delivered_at", "resolved_at"],
        condition=Q(run__isnull=False, resolved_at__isnull=False, delivered_at=None),
        name=name,
    )


def urgency_index(name: str) -> models.Index:
    """What is pending, in the order of the inbox."""
    pending = Q(status="pending")
    return models.Index(fields=["-risk_rank", "deadline", "id"], condition=pending, name=name)


def due_index(name: str) -> models.Index:
    """What is pending, by its deadline.

    SQLite keeps no statistics: what a condition fixes stands in front all the same, so that this
    index is chosen, and a look costs the same beside 10,000 who wait.
    """
    return models.Index(fields=["status", "deadline"], condition=Q(status="pending"), name=name)
