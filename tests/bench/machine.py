"""One line about the machine: figures of two machines are not to be compared without it."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psycopg

from hitl_site.sqlite import version as sqlite_version
from tests.bench.places import POSTGRES


def described() -> str:
    """Cores, processor, disk, and the versions that matter."""
    parts = [
        f"{os.cpu_count()} cores ({_processor()})",
        f"fsync {_fsync():.2f} ms",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name.lower())}" for name in ("Django", "Daphne")),
        f"SQLite {'.'.join(map(str, sqlite_version()))}",
        _postgres(),
    ]
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _fsync() -> float:
    """Milliseconds, median, that a small write takes to be durable in the temporary folder."""
    took = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _postgres() -> str:
    try:
        with psycopg.connect(POSTGRES, connect_timeout=5) as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"
    except psycopg.Error:
        return ""
