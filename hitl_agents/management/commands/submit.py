"""Give an agent work from the command line: one JSON line on stdout, all else on stderr."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from ledger import canonical, catalogue, runs
from ledger.errors import BadInput
from ledger.models import Run, Runner
from ledger.tail import stop as stop_following
from ledger.tail import wait_until

BAD_CALL = 2
STILL_GOING = 3
EXITS = {
    Run.Status.COMPLETED: 0,
    Run.Status.FAILED: 1,
    Run.Status.CANCELLED: 1,
    Run.Status.IN_DOUBT: 4,
}


class Command(BaseCommand):
    requires_system_checks = ()  # they load every page, which takes longer than the rest of the start
    help = (
        "Give an agent work. Prints one JSON line: run, status, result. Exits 0 when the run is "
        "submitted, or with --wait completed; 1 failed or cancelled, 2 bad call, 3 still going at "
        "--timeout (it goes on), 4 in doubt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("agent", help=f"one of: {', '.join(catalogue.names())}")
        parser.add_argument("task", help="what the agent should do, in plain words")
        parser.add_argument("--input", default=None, metavar="JSON", help="further input, as JSON")
        parser.add_argument("--as", dest="requester", metavar="USER", help="who asks for it")
        parser.add_argument("--wait", action="store_true", help="wait until the run has ended")
        parser.add_argument(
            "--timeout", type=float, default=None, metavar="S", help="seconds that --wait waits"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run = self._submit(options)
        if options["wait"]:
            self._say_if_nobody_works()
            run = self._wait(run, options["timeout"])
        line = {"run": run.pk, "status": run.status, "result": run.result}
        if run.error:
            line["error"] = run.error
        self.stdout.write(json.dumps(line, ensure_ascii=False))
        if options["wait"]:
            sys.exit(EXITS.get(Run.Status(run.status), STILL_GOING))

    def _submit(self, options: dict[str, Any]) -> Run:
        timeout = options["timeout"]
        if timeout is not None and not timeout >= 0:
            raise CommandError("--timeout takes seconds, 0 or more.", returncode=BAD_CALL)
        try:
            given = options["input"]
            return runs.submit(
                options["agent"],
                options["task"],
                input=None if given is None else canonical.parse(given, "--input"),
                requester=self._requester(options["requester"]),
            )
        except BadInput as error:
            raise CommandError(str(error), returncode=BAD_CALL) from error

    def _requester(self, name: str | None) -> User | None:
        if name is None:
            return None
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"--as: there is no active user {name!r}.", returncode=BAD_CALL)
        return user

    def _say_if_nobody_works(self) -> None:
        if not Runner.objects.alive().exists():
            self.stderr.write("No runner is alive; the run waits until `run_agents` is started.")

    def _wait(self, run: Run, timeout: float | None) -> Run:
        """The run when it has ended or is in doubt; as it is then, when `timeout` has passed."""

        def ready() -> Run | None:
            found = runs.find_by_id(run.pk)
            return found if found.over or found.status == Run.Status.IN_DOUBT else None

        try:
            ended = asyncio.run(self._until(ready, run.subject, timeout))
        except KeyboardInterrupt:
            self.stderr.write(f"\nNot waiting any more; run {run.pk} goes on.")
            ended = None
        finally:
            stop_following()
        if ended is None and timeout is not None:
            self.stderr.write(f"Run {run.pk} is still going; it goes on.")
        return ended or runs.find_by_id(run.pk)

    async def _until(
        self, ready: Callable[[], Run | None], subject: str, timeout: float | None
    ) -> Run | None:
        try:
            return await wait_until(ready, subject=subject, timeout=timeout)
        finally:
            await sync_to_async(_close)()


def _close() -> None:
    """The connection of the thread that looked, which ends with the loop."""
    connection.close()
