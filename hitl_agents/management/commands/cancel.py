"""Cancel a run from the command line, with the questions that it still asks."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger import runs
from ledger.errors import AlreadyDecided, UnknownId


class Command(BaseCommand):
    requires_system_checks = ()  # they load every page, which takes longer than the rest of the start
    help = "Cancel a run. Exits 0 when it is cancelled, 1 when it was over already, 2 bad call."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="the run's number")
        parser.add_argument("--reason", default="Cancelled from the command line.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = runs.cancel(options["run"], actor="system", reason=options["reason"])
        except UnknownId as error:
            raise CommandError(str(error), returncode=2) from error
        except AlreadyDecided as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(json.dumps({"run": run.pk, "status": run.status}))
