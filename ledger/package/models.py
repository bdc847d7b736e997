"""The version of this project that a database was last migrated by."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

ONLY = 1  # the id of the one row


class DatabaseVersion(models.Model):
    """One row, written by `migrate` when all is done. An older version refuses such a database."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    version = models.CharField(max_length=64)

    class Meta:
        app_label = "ledger"
        default_permissions: ClassVar = ()
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=ONLY), name="database_version_once")
        ]

    def __str__(self) -> str:
        return self.version
