"""What is measured on one database, each a dict of figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import open_pages, scale
from tests.bench.places import Child, fresh, installed
from tests.support.installation import Installation

STAGES = ("wake", "idle", "similar", "sockets", "scale")
WARM_UP = 20  # decisions that are not counted
PATIENCE = 60.0  # seconds
Say = Callable[[str], None]


@dataclass(frozen=True)
class Amount:
    """How much to repeat."""

    decisions: int = 300
    pause: float = 0.04  # seconds between decisions, on average
    idle: float = 20.0  # seconds
    crowd: int = 10_000  # waiting runs
    sockets: int = 1_000
    events: int = 60
    answers: int = 10_000  # answered escalations
    questions: int = 200
    rows: tuple[int, ...] = (10_000, 1_000_000, 5_000_000)


QUICK = Amount(decisions=60, idle=5.0, events=10, questions=100, rows=(10_000, 100_000))


@dataclass(frozen=True)
class Spread:
    """Milliseconds."""

    median: float
    p95: float
    p99: float

    @classmethod
    def of(cls, took: list[float]) -> Spread:
        cuts = statistics.quantiles(took, n=100)
        return cls(statistics.median(took), cuts[94], cuts[98])


def measure(kind: str, amount: Amount, stages: tuple[str, ...], say: Say) -> dict[str, Any]:
    """The figures of these stages on one database."""
    found: dict[str, Any] = {}
    with installed(kind) as place:
        if "idle" in stages:
            say(f"{kind}: an idle runner, {amount.idle:.0f} s")
            runner = Child(place, "runner")
            found["empty"] = _idle(runner, amount.idle)
            runner.stop()
        if "wake" in stages:
            say(f"{kind}: {amount.decisions} decisions, and as many polled")
            found["wake"], found["poll"] = _latency(place, amount)
        if "idle" in stages:
            say(f"{kind}: a runner beside {amount.crowd:,} waiting runs, {amount.idle:.0f} s")
            found["crowd"] = _idle(_crowded(place, amount.crowd), amount.idle)
        if "similar" in stages:
            say(f"{kind}: similar questions among {amount.answers:,} answered ones")
            found["similar"] = _similar(place, amount)
    if "sockets" in stages:
        say(f"{kind}: {amount.sockets:,} open sockets, {amount.events} events")
        with fresh(kind) as url:
            sockets = open_pages.run(url, sockets=amount.sockets, events=amount.events)
        found["sockets"] = Spread(sockets["median"], sockets["p95"], sockets["p99"])
    if "scale" in stages:
        found["scale"] = scale.measure(kind, amount.rows, say)
    return found


def _similar(place: Installation, amount: Amount) -> Spread:
    """Milliseconds that it takes to find the earlier answers to a question."""
    person = Child(place, "person")
    if person("answers", amount.answers) != amount.answers:
        raise RuntimeError("Not as many answers are kept as should.")
    person("similar", WARM_UP)
    return Spread.of(person("similar", amount.questions))


def _crowded(place: Installation, count: int) -> Child:
    """A fresh runner, beside so many waiting runs."""
    runner, person = Child(place, "runner"), Child(place, "person")
    like = person("submit", 1)[0]
    runner.stop()
    if person("fill", count - 1, like) != count:
        raise RuntimeError("Not as many runs wait as should.")
    return Child(place, "runner")


def _idle(runner: Child, seconds: float) -> dict[str, float]:
    """CPU (percent of one core), queries a second, memory (MB) over `seconds`, after settling."""
    time.sleep(2.5)
    began, cpu, queries = time.monotonic(), runner("cpu"), runner("queries")
    time.sleep(seconds)
    took = time.monotonic() - began
    return {
        "cpu": (runner("cpu") - cpu) / took * 100,
        "queries": (runner("queries") - queries) / took,
        "memory": runner("memory"),
    }


def _latency(place: Installation, amount: Amount) -> tuple[Spread, Spread]:
    """Milliseconds from decision to the agent's next line, and to the poller's."""
    runner, person = Child(place, "runner"), Child(place, "person")
    count = amount.decisions + WARM_UP
    waited, polled = person("submit", count), person("ask", count)
    Child(place, "poller")("poll", polled)
    time.sleep(1.5)  # every row that is looked at first has its turn in the second
    in_turn = [pk for pair in zip(waited, polled, strict=True) for pk in pair]
    decided = {int(pk): int(at) for pk, at in person("decide", in_turn, amount.pause)}
    woken = _noted(Path(place.env["BENCH_WOKEN"]), count)
    seen = _noted(Path(place.env["BENCH_POLLED"]), count)
    runner.stop()
    return _spread(decided, woken, waited), _spread(decided, seen, polled)


def _noted(path: Path, count: int) -> dict[int, int]:
    """The times in a file of lines, once there are `count` of them."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) == count:
            return {int(pk): int(at) for pk, at in (line.split() for line in lines)}
        time.sleep(0.1)
    raise TimeoutError(f"{len(lines)} of {count} came to their next line.")


def _spread(decided: dict[int, int], noticed: dict[int, int], requests: list[int]) -> Spread:
    took = [(noticed[pk] - decided[pk]) / 1e6 for pk in requests[WARM_UP:]]
    return Spread.of(took)
