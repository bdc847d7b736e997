"""Measure on every database there is and print the table: `python -m tests.bench [--quick]`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.bench import scale
from tests.bench.machine import described
from tests.bench.measures import QUICK, STAGES, Amount, Spread, measure
from tests.bench.places import POSTGRES

KINDS = ("SQLite", "PostgreSQL")
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:5.1f} s] {text}", file=sys.stderr, flush=True)


def missing(kind: str) -> str:
    """Why this database cannot be measured; "" if it can."""
    if kind == "SQLite":
        return ""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.Error as error:
        return f"no server answers at TEST_DATABASE_URL ({error})"
    return ""


def _times(spread: Spread) -> str:
    return f"{spread.median:.1f} / {spread.p95:.1f} / {spread.p99:.1f}"


# Stage, title, what is wanted, how it is shown.
ROWS: tuple[tuple[str, str, str, Callable[[Any], str]], ...] = (
    ("wake", "decision → agent's next line, ms", "median < 5", _times),
    ("poll", "the same, polled once a second, ms", "", _times),
    ("empty", "idle runner: CPU, % of a core", "", lambda f: f"{f['cpu']:.2f}"),
    ("empty", "idle runner: queries a second", "≤ 4", lambda f: f"{f['queries']:.1f}"),
    ("empty", "idle runner: memory, MB", "", lambda f: f"{f['memory']:.1f}"),
    ("crowd", "10,000 waiting: CPU, % of a core", "the same", lambda f: f"{f['cpu']:.2f}"),
    ("crowd", "10,000 waiting: queries a second", "≤ 4", lambda f: f"{f['queries']:.1f}"),
    ("crowd", "10,000 waiting: memory, MB", "the same", lambda f: f"{f['memory']:.1f}"),
    ("similar", "similar among 10,000 answered, ms", "< 20", _times),
    ("sockets", "event → last of 1,000 sockets, ms", "median ≤ 100", _times),
)


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures as text; times are median / p95 / p99."""
    lines = [["median / p95 / p99", "wanted", *found]]
    for stage, title, aim, show in ROWS:
        if all(stage in figures for figures in found.values()):
            lines.append([title, aim, *(show(figures[stage]) for figures in found.values())])
    lines += scale.lines(found)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, rougher figures")
    parser.add_argument("--database", choices=KINDS, help="only this one")
    parser.add_argument("--only", choices=STAGES, help="only this stage")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # its processes and databases go too
    amount = QUICK if options.quick else Amount()
    stages = STAGES if options.only is None else (options.only,)
    found: dict[str, dict[str, Any]] = {}
    left_out = []
    for kind in KINDS if options.database is None else (options.database,):
        if why := missing(kind):
            left_out.append(f"{kind} was left out: {why}.")
            continue
        found[kind] = measure(kind, amount, stages, say)
    print(described(), *left_out, sep="\n")
    if found:
        print(table(found))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
