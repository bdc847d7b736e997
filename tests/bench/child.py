"""The processes that are measured: `python -m tests.bench.child runner | person | poller | scale`.

Each reads commands from stdin, a JSON list of a function's name and its arguments a line, and
answers each by a line of JSON.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

POLL = 1.0  # seconds
LOOKED_FOR = 25  # rows that the poller looks at in turn
PATIENCE = 120.0  # seconds


def serve(commands: dict[str, Callable[..., Any]]) -> None:
    """Answer commands until stdin ends."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), flush=True)


# ---- The runner


def runner() -> None:
    """`run_agents` as it is, with the queries of all its threads counted."""
    from django.core.management import call_command
    from django.db.backends.utils import CursorWrapper

    counted = [0]
    lock = threading.Lock()
    execute: Callable[..., Any] = vars(CursorWrapper)["_execute"]

    def counting(self: CursorWrapper, sql: str, *rest: Any) -> Any:
        with lock:
            counted[0] += 1
        return execute(self, sql, *rest)

    setattr(CursorWrapper, "_execute", counting)  # noqa: B010  (its types do not know it)
    reading = {"queries": lambda: counted[0], "cpu": time.process_time, "memory": memory}
    threading.Thread(target=serve, args=[reading], daemon=True).start()
    call_command("run_agents")


def memory() -> float:
    """Resident memory of this process in MB."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


# ---- The person


def submit(count: int) -> list[int]:
    """Submit runs, wait until all of them wait; their requests."""
    from approvals.models import ApprovalRequest
    from ledger import runs
    from ledger.models import Run

    submitted = [runs.submit("bench", f"Run {number}").pk for number in range(count)]
    waiting = Run.objects.filter(pk__in=submitted, status="waiting")
    ends = time.monotonic() + PATIENCE
    while waiting.count() < count:
        if time.monotonic() > ends:
            raise TimeoutError(f"Only {waiting.count()} of {count} runs came to wait.")
        time.sleep(0.1)
    found = ApprovalRequest.objects.filter(run__in=submitted).order_by("pk")
    return list(found.values_list("pk", flat=True))


def ask(count: int) -> list[int]:
    """Ask without a run, for the poller; the requests."""
    from tests.support import people

    gate = people.gate("bench")
    return [people.asked(gate=gate).pk for _ in range(count)]


def decide(requests: list[int], pause: float) -> list[list[int]]:
    """Approve one after the other, `pause` seconds apart on average; when each was committed."""
    from approvals import services
    from tests.bench import commits
    from tests.support import people

    rita = people.rita()
    committed, decided = commits.noted(), []
    for pk in requests:
        time.sleep(random.uniform(0.5, 1.5) * pause)  # noqa: S311  (spread, not secret)
        services.approve(pk, by=rita)
        decided.append([pk, committed[-1]])
    return decided


def person() -> None:
    from tests.bench import answers
    from tests.bench.crowd import fill
    from tests.support import people

    people.gate("bench")
    people.rita()
    known = {"answers": answers.fill, "similar": answers.similar}
    serve({"submit": submit, "ask": ask, "decide": decide, "fill": fill, **known})


# ---- The poller


def poll(requests: list[int], path: str) -> None:
    """Look at each row once a second, a few rows at a time; note when each was seen decided."""
    from approvals.models import ApprovalRequest
    from tests.bench.agent import note

    left = iter(requests)
    due: list[tuple[float, int]] = []

    def begin(count: int) -> None:
        for pk in itertools.islice(left, count):
            first = time.monotonic() + random.uniform(0, POLL)  # noqa: S311
            heapq.heappush(due, (first, pk))

    begin(LOOKED_FOR)
    while due:
        when, pk = heapq.heappop(due)
        time.sleep(max(0.0, when - time.monotonic()))
        if ApprovalRequest.objects.values_list("status", flat=True).get(pk=pk) == "pending":
            heapq.heappush(due, (when + POLL, pk))
            continue
        note(path, pk, time.monotonic_ns())
        begin(1)


def poller() -> None:
    """Looks in a thread, so that it answers at once."""

    def start(requests: list[int]) -> None:
        arguments = (requests, os.environ["BENCH_POLLED"])
        threading.Thread(target=poll, args=arguments, daemon=True).start()

    serve({"poll": start})


# ---- The pages beside many rows


def scale() -> None:
    from tests.bench import rows
    from tests.bench.scale import count, page, pages

    serve({"make": rows.make, "count": count, "pages": pages, "page": page})


if __name__ == "__main__":
    django.setup()
    {"runner": runner, "person": person, "poller": poller, "scale": scale}[sys.argv[1]]()
