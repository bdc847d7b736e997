"""Starts everything: prepares the database, then keeps the web server and the runner going."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard.start.first_start import Login, example_tasks, make_first_login
from dashboard.start.processes import Child, Supervisor
from dashboard.start.static_files import collect_static_files
from ledger.log import guards
from ledger.package.versions import is_current, refuse_newer

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Arguments and words; the work is in `dashboard.start.processes` and `dashboard.start.first_start`."""

    help = "Prepare the database and run the web server and the agents, until Ctrl-C."
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        port = port_from(os.environ.get("PORT", ""))
        refuse_taken(port)
        try:
            login = self.prepare()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        finally:
            connection.close()  # the children open their own
        let_children_import_us()
        supervisor = Supervisor(
            children(port),
            ready=lambda: answers(port),
            on_ready=lambda: self.welcome(port, login),
            say=self.say,
        )
        sys.exit(supervisor.run())

    def prepare(self) -> Login | None:
        """Bring the database to where the code is; the login, if this is the first start."""
        refuse_newer(connection)
        executor = MigrationExecutor(connection)
        steps = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if steps or not is_current(connection):
            self.say(f"Preparing the database{f': {steps} steps' if steps else ''} …")
            call_command("migrate", verbosity=0, interactive=False)
        guards.install()
        static_files = settings.HITL_DATA_DIR / "static"
        collect_static_files(static_files)
        os.environ["HITL_STATIC_ROOT"] = str(static_files)  # for the children
        login = make_first_login()
        if settings.DEMO and not settings.OPENAI_API_KEY and (count := example_tasks()):
            self.say(f"Gave the demo's agent {count} example tasks (DEMO=0 starts without).")
        self.say("Starting …")
        return login

    def welcome(self, port: int, login: Login | None) -> None:
        """Say where it is and how to get in, once it can be used."""
        if login is None:
            sign_in = (
                f"with your own account (forgotten? {settings.HITL_COMMAND} changepassword NAME)"
            )
        elif login.password:
            sign_in = f"{login.username} / {login.password}   (made now, shown only this once)"
        else:
            sign_in = f"{login.username}, with the password you chose"
        model = settings.OPENAI_MODEL or "the server's default"
        if not settings.OPENAI_API_KEY:
            model = "the demo model (set OPENAI_API_KEY for a real one)"
        self.stdout.write(
            f"\n  Open     http://{HOST}:{port}/\n  Sign in  {sign_in}\n  Model    {model}\n"
            f"  Data     {settings.HITL_DATA_DIR}\n  Stop     Ctrl-C\n"
        )
        self.stdout.flush()

    def say(self, sentence: str) -> None:
        """Tell the person at the terminal, beside whatever reads stdout."""
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()


def port_from(text: str) -> int:
    """The port in PORT (default 8000); CommandError if it is none."""
    if not text:
        return 8000
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CommandError(f"PORT={text} is not a port. Choose a number from 1 to 65535.")
    return int(text)


def refuse_taken(port: int) -> None:
    """CommandError if something else listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Is this running already? "
                f"Otherwise choose another port: PORT={port % 65535 + 1} {describe_start()}"
            ) from error


def describe_start() -> str:
    """What people type to start everything: in a checkout, or of an installed package."""
    return "make run" if settings.HITL_CHECKOUT else f"{settings.HITL_COMMAND} up"


def let_children_import_us() -> None:
    """Give the children the checkout that this process runs from; an installed package they have."""
    given = os.environ.get("PYTHONPATH", "")
    if root := settings.HITL_CHECKOUT:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), given]))


def answers(port: int) -> bool:
    """Whether the web server accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def children(port: int) -> list[Child]:
    """The web server, first, and the runner."""
    module = [sys.executable, "-P", "-m"]  # -P: the current folder hides none of our packages
    web = ["hitl_site.serve", "-v", "0", "--no-server-name", "-b", HOST, "-p", str(port)]
    return [
        Child("web server", [*module, *web, "hitl_site.asgi:application"]),
        Child("agent runner", [*module, "hitl_site", "run_agents"]),
    ]
