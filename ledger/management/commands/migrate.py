"""Django's `migrate`, which refuses a newer database, can be killed, and notes its version."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.migrations import Migration

from ledger.package.versions import refuse_newer, write_version

BEGINNINGS = ("apply_start", "unapply_start")
ENDS = ("apply_success", "unapply_success")


class Command(migrate.Command):
    """Each migration and the record that it was applied are one transaction.

    Django writes that record after the migration is committed, wherever indexes or foreign keys
    come last. Killed in between, the migration would be tried once more on tables that it has made.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        self.database = connections[options["database"]]
        refuse_newer(self.database)
        with ExitStack() as self.transaction:
            super().handle(*args, **options)
        if not options["plan"] and not options["check_unapplied"]:
            write_version(self.database)

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        if action in BEGINNINGS and migration and migration.atomic:
            # SQLite cannot switch these off in the middle of a transaction.
            self.transaction.enter_context(self.database.constraint_checks_disabled())
            self.transaction.enter_context(transaction.atomic(self.database.alias))
        super().migration_progress_callback(action, migration, fake)
        if action in ENDS:
            self.transaction.close()
