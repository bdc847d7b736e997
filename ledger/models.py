"""The rows that everything stands on: runs with their journal, runners, and the log."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, ClassVar, NoReturn, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from ledger.clock import DbNow, now
from ledger.errors import AppendOnly
from ledger.package.models import DatabaseVersion as DatabaseVersion  # one of this app, too
from ledger.statements.prepared import Values, whole

RUNNER_SILENT_AFTER = timedelta(seconds=15)


class RunStatus(models.TextChoices):
    QUEUED = "queued"  # may be claimed once not_before has passed
    RUNNING = "running"  # a runner drives it and renews the lease
    WAITING = "waiting"  # for a person; costs this row and nothing else
    COMPLETED = "completed"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"  # nobody knows whether an action ran; a person says
    CANCELLED = "cancelled"


class Run(models.Model):
    """One piece of work given to an agent. Its journal makes it repeatable up to where it was."""

    Status = RunStatus
    MOVES: ClassVar[dict[str, set[str]]] = {
        RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.CANCELLED},
        RunStatus.RUNNING: {
            RunStatus.QUEUED,
            RunStatus.WAITING,
            RunStatus.COMPLETED,
            RunStatus.FAILED,
            RunStatus.IN_DOUBT,
            RunStatus.CANCELLED,
        },
        RunStatus.WAITING: {RunStatus.QUEUED, RunStatus.CANCELLED},
        RunStatus.IN_DOUBT: {RunStatus.QUEUED, RunStatus.FAILED, RunStatus.CANCELLED},
    }
    OVER = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
    # Named, not "all but those": an index finds the few of these among millions that are over.
    GOING_ON = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.IN_DOUBT)

    agent = models.CharField(max_length=200, help_text="Name in the catalogue of agents.")
    agent_id = models.CharField(max_length=200, help_text="The name that people see.")
    task = models.TextField(blank=True)
    input = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.QUEUED)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    doubt = models.JSONField(null=True, blank=True, help_text="What is unknown, and the evidence.")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="runs_requested",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="runs_owned"
    )
    library = models.BooleanField(default=False, help_text="Driven by another program; no replay.")
    example = models.BooleanField(default=False, help_text="One of the demo's examples.")
    generation = models.PositiveIntegerField(default=1, help_text="Raised by 'start again'.")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed tries to reach the model.")
    not_before = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(
        null=True, blank=True, help_text="When a waiting run goes on without an answer."
    )
    runner = models.CharField(max_length=200, blank=True)
    fence = models.PositiveIntegerField(default=0, help_text="Raised by each claim.")
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions: ClassVar = [
            ("cancel_run", "Can cancel a run"),
            ("resolve_run", "Can say what happened to a run in doubt"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "-id"], name="run_by_status"),
            models.Index(fields=["agent", "-id"], name="run_by_agent"),
            models.Index(fields=["agent_id", "-id"], name="run_by_agent_id"),
            models.Index(
                fields=["not_before", "id"], condition=Q(status="queued"), name="run_queued"
            ),
            models.Index(fields=["lease_until"], condition=Q(status="running"), name="run_leased"),
            models.Index(
                fields=["wake_at"],
                condition=Q(status="waiting", wake_at__isnull=False),
                name="run_waking",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def subject(self) -> str:
        return f"ledger.run:{self.pk}"

    @property
    def over(self) -> bool:
        return self.status in self.OVER


class EntryKind(models.TextChoices):
    MODEL = "model", "Model call"
    QUESTION = "question", "Question"
    ACTION = "action", "Action"
    READ = "read", "Reading"
    WAIT = "wait", "Wait"  # for an answer, but not for ever


class EntryStatus(models.TextChoices):
    STARTED = "started"  # an action without a result on replay: in doubt
    WAITING = "waiting"  # a question that the run waits for
    DONE = "done"
    FAILED = "failed"  # ended with an error that is known and answered on replay
    ABANDONED = "abandoned"  # the agent itself stopped waiting for this question
    CLEARED = "cleared"  # a person said that it did not run: replay starts it again


class JournalEntry(models.Model):
    """One thing that a run did and must not do twice."""

    Kind = EntryKind
    Status = EntryStatus

    run = models.ForeignKey(Run, models.PROTECT, related_name="journal")
    generation = models.PositiveIntegerField(default=1)
    key = models.CharField(max_length=300)
    kind = models.CharField(max_length=16, choices=EntryKind)
    name = models.CharField(max_length=200)
    input = models.TextField(blank=True)
    input_digest = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=EntryStatus)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    note = models.TextField(blank=True)
    request_kind = models.CharField(max_length=100, blank=True)
    request_id = models.BigIntegerField(null=True, blank=True)
    fence = models.PositiveIntegerField()
    runner = models.CharField(max_length=200, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    evidence = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "journal entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "generation", "key"], name="journal_key_once_per_run"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["request_kind", "request_id"],
                condition=Q(status="waiting"),
                name="journal_waiting_for",
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.key}"


class RunnerQuerySet(models.QuerySet["Runner"]):
    def alive(self) -> Self:
        """Runners that gave a sign within the last 15 seconds by the database's clock."""
        return self.filter(seen_at__gt=DbNow() - RUNNER_SILENT_AFTER, stopped=False)


class Runner(models.Model):
    """A process that drives runs, and when it last gave a sign. A sign is no event."""

    name = models.CharField(primary_key=True, max_length=200)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    stopped = models.BooleanField(default=False)

    objects = RunnerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class EventQuerySet(models.QuerySet["Event"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Events are never changed.")

    def delete(self) -> NoReturn:
        raise AppendOnly("Events are never deleted.")

    def after(self, event_id: Any) -> Self:
        return self.filter(id__gt=event_id).order_by("id")

    def newest(self) -> int:
        """The id of the log's last event, 0 if there is none; of all of it, whatever the filter.

        A view reads it before its rows.
        """
        ((found,),) = _newest()
        return found or 0


_newest = Values(lambda: whole(Event.objects.all(), models.Max("id")))


class Event(models.Model):
    """One line of the log. Written only by ledger.transitions; ids are gap-free, in commit order.

    The log does not know its subjects: `subject` and `kind` are text.
    """

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=64, db_index=True)
    subject = models.CharField(max_length=128, db_index=True)
    actor = models.CharField(max_length=250, db_index=True)  # "agent:" and a name of up to 200
    run = models.ForeignKey(Run, models.PROTECT, null=True, related_name="events")
    data = models.TextField(default="{}")
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        base_manager_name = "objects"  # a run's `events.add()` would change rows through the base

    def __str__(self) -> str:
        return f"{self.id} {self.kind} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Events are never changed.")
        # With an id that is taken, Django would update that row.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Events are never deleted.")

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.data)
        return found
