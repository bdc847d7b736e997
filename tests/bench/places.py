"""Where to measure: a fresh database of each kind, and the processes upon it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.support.installation import BASE_DIR, Installation

POSTGRES = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def fresh(kind: str) -> Iterator[str]:
    """The URL of an empty database of that kind; "" is SQLite in the installation's folder."""
    if kind == "SQLite":
        yield ""
        return
    database = f"hitl_bench_{uuid.uuid4().hex[:12]}"
    name = sql.Identifier(database)
    with psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield urlsplit(POSTGRES)._replace(path=f"/{database}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


class Child:
    """A process of tests.bench.child that answers commands."""

    def __init__(self, place: Installation, role: str) -> None:
        with place.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.child", role],
                env=place.env,
                cwd=BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        self._log = place.log
        place.processes.append(self.process)
        self._answer()

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Have it run a command of its; the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"A measured process has ended:\n{self._log.read_text()[-2000:]}")
        return json.loads(line)


@contextmanager
def installed(kind: str) -> Iterator[Installation]:
    """A migrated installation on a fresh database, with the measured agent in its catalogue."""
    with tempfile.TemporaryDirectory() as folder, fresh(kind) as url:
        place = Installation(Path(folder), url)
        place.env |= {
            "HITL_AGENTS": "tests.bench.agent.bench",
            "HITL_LOG_LEVEL": "WARNING",
            "BENCH_WOKEN": f"{folder}/woken",
            "BENCH_POLLED": f"{folder}/polled",
        }
        try:
            done = place.manage("migrate", "-v", "0")
            if done.returncode:
                raise RuntimeError(done.stderr)
            yield place
        finally:
            place.close()
