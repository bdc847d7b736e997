"""Drive agents: arguments, signals, and nothing else. The work is hitl_agents.runner.runner."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.backends.signals import connection_created

from hitl_agents.journal.loop import RunnerLoop
from hitl_agents.runner.runner import MOST_AT_ONCE, AgentRunner
from ledger.log import guards
from ledger.package.versions import refuse_newer

log = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
CACHE = 256  # KB of pages that each connection to SQLite keeps


def keep_little(connection: Any, **_: Any) -> None:
    """A runner's connections stay open and seldom read a row again.

    With the 2 MB each that SQLite keeps otherwise, a runner would grow with what there is.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size=-{CACHE}")


class Command(BaseCommand):
    requires_system_checks = ()  # they load every page, which takes longer than the rest of the start
    help = "Run agents until stopped: claim runs, drive them, wait for people in the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until-idle",
            action="store_true",
            help="return when nothing is runnable within two minutes; "
            "runs that wait for people stay waiting",
        )
        parser.add_argument(
            "--most-at-once",
            type=int,
            default=MOST_AT_ONCE,
            metavar="N",
            help="runs driven at a time in this process (default %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["most_at_once"] < 1:
            raise CommandError("--most-at-once takes a number from 1 up.", returncode=2)
        connection_created.connect(keep_little)
        refuse_newer(connection)
        guards.install()
        with asyncio.Runner(loop_factory=RunnerLoop) as loop:
            loop.run(self._drive(options["until_idle"], options["most_at_once"]))

    async def _drive(self, until_idle: bool, most_at_once: int) -> None:
        runner = AgentRunner(until_idle=until_idle, most_at_once=most_at_once)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            log.info("Stopping: steps in flight end first. A second signal stops at once.")
            runner.stop()
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)

        for number in SIGNALS:
            loop.add_signal_handler(number, stop)
        await runner.run()
