"""An installation of its own for tests that start real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.support import fork_server
from tests.support.fork_server import BASE_DIR

SQLITE_FILE = "db.sqlite3"
# `make test` migrates once for all of its suites: the folder of that installation, its database.
WITH_DATABASE = "HITL_TEST_WITH_DATABASE"  # set: only tests that ask one
MIGRATED, MIGRATED_URL = "HITL_TEST_MIGRATED", "HITL_TEST_MIGRATED_URL"
PATIENCE = 120.0  # seconds, for a command to end: the machine may be busy


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def own_database(server: str, like: str = "") -> Iterator[str]:
    """A database on that server that is gone afterwards; without a server "", which means SQLite.

    Empty, or on PostgreSQL a copy of the one that `like` names and nobody uses.
    """
    if not server:
        yield ""
        return
    name = f"hitl_process_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        template = sql.Identifier(urlsplit(like).path[1:] or "template1")
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), template))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def installed(
    data: Path, like: Installation | None = None, server: str | None = None
) -> Iterator[Installation]:
    """An installation whose processes and database are gone afterwards.

    Its database is empty; or it is a copy of that of `like`, of which no process runs. It is of
    the kind under test, unless `server` names another.
    """
    data.mkdir()
    if server is None:
        server = os.environ.get("DATABASE_URL", "")
    with own_database(server, like.database_url if like else "") as url:
        if like and not url:
            shutil.copy(like.data / SQLITE_FILE, data)
        place = Installation(data, url)
        try:
            yield place
        finally:
            place.close()


@contextlib.contextmanager
def migrated_in(data: Path, server: str | None = None) -> Iterator[Installation]:
    """One to make others from: migrating takes seconds, copying does not."""
    with installed(data, server=server) as place:
        done = place.manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
        yield place


def migrated_before() -> Installation | None:
    """The one that was made before this run of tests began, if it was."""
    data = os.environ.get(MIGRATED)
    return Installation(Path(data), os.environ.get(MIGRATED_URL, "")) if data else None


class Installation:
    """A data directory and a database nobody else uses, and processes that end with the test.

    `env` is what every process gets; change it before starting one. `database_url` empty means
    the SQLite file in `data`. Commands come from the fork server, unless `from_scratch`: then they
    are started as people start them, which takes a second or two more.
    """

    def __init__(self, data: Path, database_url: str) -> None:
        self.data = data
        self.database_url = database_url
        self.port = free_port()
        self.from_scratch = False
        self.processes: list[subprocess.Popen[str]] = []
        keep = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "VIRTUAL_ENV")
        self.env = {key: os.environ[key] for key in keep if key in os.environ}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "hitl_site.settings",
            "HITL_DATA_DIR": str(data),
            "PORT": str(self.port),
            "DEMO": "0",
            "PYTHONUNBUFFERED": "1",
        }
        if database_url:
            self.env["DATABASE_URL"] = database_url

    def manage(
        self, *arguments: str, timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py …` to its end; never raises for its exit code."""
        with self._popen(
            self._call(arguments),
            env=self.env,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                said, complained = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, said, complained)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start `manage.py …` in the background, in a process group of its own.

        Its stdout is a pipe, its stderr goes to the file `log`; `options` go to Popen.
        """
        options = {"stdin": subprocess.DEVNULL, **options}
        with self.log.open("a") as log:
            process = self._popen(
                self._call(arguments),
                env=self.env,
                cwd=BASE_DIR,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
                **options,
            )
        self.processes.append(process)
        return process

    @property
    def log(self) -> Path:
        """What the background processes have written to stderr so far, in one file."""
        return self.data / "stderr.log"

    def close(self) -> None:
        """Kill what still runs, with everything it started."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    @property
    def _popen(self) -> type[subprocess.Popen[str]]:
        return subprocess.Popen if self.from_scratch else fork_server.popen()

    def _call(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, str(fork_server.MANAGE), *arguments]
