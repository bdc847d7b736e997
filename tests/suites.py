"""Runs every suite on every database there is: `python -m tests.suites`.

The last line counts all of them together. Exit 0 only if all passed and none was left out that
REQUIRE_POSTGRES=1 asks for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import psycopg

POSTGRES = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
# Sync Playwright runs a loop of its own, beside which async tests cannot: separate calls.
SUITES = {
    "fast tests": ["tests", "--ignore=tests/process", "--ignore=tests/e2e", "-n", "auto"],
    "real processes": ["tests/process"],
    "browser": ["tests/e2e"],
}


def postgres_answers() -> bool:
    """Whether a server answers at TEST_DATABASE_URL; if not, say so and why."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.Error as error:
        print(f"\nPostgreSQL does not answer at TEST_DATABASE_URL: {error}", flush=True)
        return False
    return True


def run(title: str, arguments: list[str], environment: dict[str, str]) -> Counter[str]:
    """Run one suite; how many passed, failed and were skipped. No test at all is a failure."""
    print(f"\n=== {title}", flush=True)
    without = [] if "tests/e2e" in arguments else ["-p", "no:playwright"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        call = [
            sys.executable,
            "-m",
            "pytest",
            *arguments,
            *without,
            f"--junitxml={report}",
        ]
        code = subprocess.run(call, env=environment, check=False).returncode
        found = counted(report) if report.exists() else Counter()
    if code and not found["failed"]:
        found["failed"] += 1  # pytest itself failed, or found no test
    return found


def counted(report: Path) -> Counter[str]:
    """The outcomes in a JUnit report that pytest has just written."""
    found: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (our own file)
        kinds = {child.tag for child in case}
        failed = kinds & {"failure", "error"}
        found["failed" if failed else "skipped" if "skipped" in kinds else "passed"] += 1
    return found


def main() -> int:
    """Run them all, print the sum as the last line, return the exit code."""
    plain = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "HITL_DATA_DIR")}
    databases = {"SQLite": plain}
    total: Counter[str] = Counter()
    if postgres_answers():
        databases["PostgreSQL"] = plain | {"DATABASE_URL": POSTGRES}
    elif os.environ.get("REQUIRE_POSTGRES") == "1":
        print("REQUIRE_POSTGRES=1 makes that a failure.", flush=True)
        total["failed"] += 1
    else:
        print("The PostgreSQL half is LEFT OUT.", flush=True)
    for database, environment in databases.items():
        for title, arguments in SUITES.items():
            total += run(f"{title} on {database}", arguments, environment)
    if "PostgreSQL" not in databases:
        print("\nNot tested: PostgreSQL. Name a server with TEST_DATABASE_URL.", flush=True)
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"\n{total['passed']} passed, {total['failed']} failed{skipped}", flush=True)
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
