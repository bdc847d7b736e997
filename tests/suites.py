"""Runs every suite on every database there is, some side by side: `python -m tests.suites`.

Each prints its output when it ends; the last line counts all of them together. Exit 0 only if all
passed and none was left out that REQUIRE_POSTGRES=1 asks for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.support.installation import MIGRATED, MIGRATED_URL, WITH_DATABASE, migrated_in

POSTGRES = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
# Sync Playwright runs a loop of its own, beside which async tests cannot: separate calls.
# The longest first, and the many fast tests in parts, so that none is alone at the end.
APART = ("tests/e2e", "tests/process", "tests/bench")
FAST = sorted(
    str(path) for path in Path("tests").rglob("test_*.py") if not str(path).startswith(APART)
)
PARTS = 3
SUITES = {
    "browser": ("browser", ["tests/e2e"]),
    "process": ("real processes", ["tests/process"]),
} | {f"fast{n + 1}": (f"fast tests, part {n + 1}", FAST[n::PARTS]) for n in range(PARTS)}
# Tests wait for processes, locks and pages half of the time, so that each core has two to do.
# With three, all of it takes longer, and some tests take longer than they are given.
AT_ONCE = 2 * (os.cpu_count() or 2)
MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 2**30  # bytes; a run needs a quarter of that


@dataclass(frozen=True)
class Job:
    """A command to run beside others. One with a report is a suite whose tests are counted."""

    title: str
    command: list[str]
    environment: dict[str, str]
    report: Path | None = None


def postgres_answers() -> bool:
    """Whether a server answers at TEST_DATABASE_URL; if not, say so and why."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.Error as error:
        print(f"\nPostgreSQL does not answer at TEST_DATABASE_URL: {error}", flush=True)
        return False
    return True


def jobs_for(databases: dict[str, dict[str, str]], folder: Path) -> list[Job]:
    """Each suite on each database, and style and types; reports go into `folder`."""
    jobs = []
    first = next(iter(databases))
    for key, (title, arguments) in SUITES.items():
        for database, environment in databases.items():
            report = folder / f"{key}-{database}.xml"
            without = [] if key == "browser" else ["-p", "no:playwright"]
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
            # Those side by side do not share a test database.
            suffix = f"{environment.get('HITL_TEST_DB_SUFFIX', '')}_{key}"
            own = {"HITL_TEST_DB_SUFFIX": suffix}
            if key != "process" and database != first:
                own[WITH_DATABASE] = "1"
            jobs.append(
                Job(
                    f"{title} on {database}",
                    [*command, *without, f"--junitxml={report}"],
                    environment | own,
                    report,
                )
            )
    lint = ["make", "--no-print-directory", "lint"]
    jobs.append(Job("style, types, layers", lint, databases[first]))
    return jobs


def in_memory() -> str | None:
    """Where the tests' files go, if memory has room: none of them is to outlive a power cut.

    SQLite waits for the disk at every commit, and does so here for nothing.
    """
    try:
        room = shutil.disk_usage(MEMORY).free
    except OSError:
        return None
    return str(MEMORY) if room > ROOM and os.access(MEMORY, os.W_OK) else None


def without_waiting(url: str) -> str:
    """That database, where a commit does not wait for the disk: no test is about a power cut.

    A process that is killed loses nothing by it; the server writes what it was told.
    """
    found = urlsplit(url)
    options = "options=-c%20synchronous_commit%3Doff"
    return found._replace(query="&".join(filter(None, (found.query, options)))).geturl()


def run(job: Job) -> tuple[str, Counter[str]]:
    """Run one: what it printed, under its title, and how many passed, failed, were skipped.

    A job that fails has failed once at least: pytest itself may fail, or find no test.
    """
    began = time.monotonic()
    done = subprocess.run(
        job.command,
        env=job.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    found = counted(job.report) if job.report and job.report.exists() else Counter()
    if done.returncode and not found["failed"]:
        found["failed"] += 1
    seconds = time.monotonic() - began
    return f"\n=== {job.title} ({seconds:.0f} s)\n{done.stdout.rstrip()}", found


def counted(report: Path) -> Counter[str]:
    """The outcomes in a JUnit report that pytest has just written."""
    found: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (our own file)
        kinds = {child.tag for child in case}
        failed = kinds & {"failure", "error"}
        found["failed" if failed else "skipped" if "skipped" in kinds else "passed"] += 1
    return found


def migrated(environment: dict[str, str], data: Path, stack: ExitStack) -> dict[str, str]:
    """That environment, with an installation in `data` that its tests begin with; gone with `stack`.

    Each suite would take seconds to migrate its own, and those with processes twice.
    """
    place = stack.enter_context(migrated_in(data, environment.get("DATABASE_URL", "")))
    return environment | {MIGRATED: str(place.data), MIGRATED_URL: place.database_url}


def run_all(databases: dict[str, dict[str, str]]) -> Counter[str]:
    """Run every job, print each as it ends; all their outcomes together."""
    total: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="hitl-", dir=in_memory()) as folder,
        ExitStack() as stack,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        here = [found | {"TMPDIR": folder} for found in databases.values()]
        folders = [Path(folder, name) for name in databases]
        begun = pool.map(lambda one, data: migrated(one, data, stack), here, folders)
        there = dict(zip(databases, begun, strict=True))
        running = [pool.submit(run, job) for job in jobs_for(there, Path(folder))]
        for ended in as_completed(running):
            said, found = ended.result()
            print(said, flush=True)
            total += found
    return total


def main() -> int:
    """Run them all, print the sum as the last line, return the exit code."""
    # Without the compiled files every session would read and compile all test files again.
    not_ours = ("DATABASE_URL", "HITL_DATA_DIR", "PYTHONDONTWRITEBYTECODE")
    plain = {k: v for k, v in os.environ.items() if k not in not_ours}
    databases = {"SQLite": plain}
    total: Counter[str] = Counter()
    if postgres_answers():
        databases["PostgreSQL"] = plain | {"DATABASE_URL": without_waiting(POSTGRES)}
    elif os.environ.get("REQUIRE_POSTGRES") == "1":
        print("REQUIRE_POSTGRES=1 makes that a failure.", flush=True)
        total["failed"] += 1
    else:
        print("The PostgreSQL half is LEFT OUT.", flush=True)
    total += run_all(databases)
    if "PostgreSQL" not in databases:
        print("\nNot tested: PostgreSQL. Name a server with TEST_DATABASE_URL.", flush=True)
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"\n{total['passed']} passed, {total['failed']} failed{skipped}", flush=True)
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
