"""Figures of slots of time, and how far the log is counted into them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RollUp(models.Model):
    """The figures of one slot for one pattern: of everything, or of one agent, rule, … in it.

    One dimension at a time and never two together: there are then few rows in a slot, however
    much was decided in it.
    """

    level = models.PositiveSmallIntegerField(help_text="How wide: an index of slots.WIDTHS.")
    start = models.IntegerField(help_text="Quarter of an hour since 1970, UTC.")
    pattern = models.CharField(max_length=32)
    dimension = models.CharField(max_length=16, blank=True)
    value = models.CharField(max_length=250, blank=True)
    approved = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    revision = models.BigIntegerField(default=0)
    answered = models.BigIntegerField(default=0)
    dismissed = models.BigIntegerField(default=0)
    timed_out = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    automatic = models.BigIntegerField(default=0)
    looks = models.BigIntegerField(default=0)
    open_2 = models.BigIntegerField(default=0)
    open_10 = models.BigIntegerField(default=0)
    open_60 = models.BigIntegerField(default=0)
    open_300 = models.BigIntegerField(default=0)
    open_longer = models.BigIntegerField(default=0)
    read_whole = models.BigIntegerField(default=0)
    plans_accepted = models.BigIntegerField(default=0)
    rounds = models.BigIntegerField(default=0)
    steps = models.BigIntegerField(default=0)
    steps_edited = models.BigIntegerField(default=0)
    plans_ended = models.BigIntegerField(default=0)
    waited_ms = models.BigIntegerField(default=0)
    worked_ms = models.BigIntegerField(default=0)
    to_look = models.BinaryField(default=b"")
    to_decision = models.BinaryField(default=b"")
    pace = models.BinaryField(default=b"")

    class Meta:
        permissions: ClassVar = [
            ("view_reviewers", "Can see the figures of every reviewer by name")
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dimension", "level", "start", "pattern", "value"], name="rollup_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pattern} {self.dimension} {self.value} {self.level}:{self.start}"


class Progress(models.Model):
    """How far the log is counted. One row."""

    last = models.BigIntegerField(default=0, help_text="The last event that is counted.")
    rules = models.IntegerField(default=0, help_text="declared.RULES under which it was.")

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self) -> str:
        return f"up to event {self.last}"
