"""Agents' texts drawn in a process beside this one, within a budget of time and memory.

Drawing what an agent wrote may take as long as it likes: parsers and lexers have texts on which
they are slow, and while they are, no other thread of a web process moves. So a worker draws, is
ended when its budget is used up, and the next one is started when it is needed.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from django.utils.safestring import SafeString

from pages.rendering.workers import worker
from pages.rendering.workers.renderers import Rendered

log = logging.getLogger(__name__)

MOST = 2  # workers of one process
PATIENCE = 10.0  # seconds for a free worker and its answer; a page does not wait longer
PACKAGES = Path(__file__).resolve().parents[3]


class TooCostly(Exception):
    """It takes more than its budget, now and whenever it is tried again."""


class TooBusy(Exception):
    """No worker was free in time; another time it may be drawn."""


def draw(kind: str, text: str, language: str = "") -> Rendered:
    """What `renderers.render` says of it. TooCostly or TooBusy when there is no answer."""
    due = time.monotonic() + PATIENCE
    one = _workers.take(due)
    try:
        html, note = one.ask({"kind": kind, "text": text, "language": language}, due)
    finally:
        _workers.give_back(one)
    return (None if html is None else SafeString(html)), note  # what our own renderers escaped


class _Worker:
    """One process, started when it is first asked, and again after it was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def ask(self, job: dict[str, str], due: float) -> tuple[str | None, str]:
        line = self._line or self._start()
        try:
            line.settimeout(max(0.1, due - time.monotonic()))
            worker.send(line, job)
            answer = worker.receive(line)
        except TimeoutError as error:
            self.end()
            raise TooBusy from error
        except (EOFError, OSError) as error:
            self._report(self.end())
            raise TooCostly from error
        except BaseException:
            self.end()  # half an answer is no answer to the next job
            raise
        if answer.get("costly"):
            raise TooCostly
        return answer["html"], answer["note"]

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-P", "-m", worker.__name__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(PACKAGES)},
            )
        self._line = ours
        return ours

    def end(self) -> int:
        """Its exit code; 0 if there was none."""
        process, self._process = self._process, None
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if process is None:
            return 0
        with contextlib.suppress(OSError):
            process.kill()
        return process.wait()

    def _report(self, code: int) -> None:
        if code != -signal.SIGPROF:
            log.error("The process that draws agents' texts ended by itself (%s).", code)


class _Workers:
    """The workers of this process, one job each at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.renew()

    def renew(self) -> None:
        """Begin anew, as in a process that was forked: the workers are its parent's."""
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all = [_Worker() for _ in range(MOST)]
        for each in self._all:
            self._free.put(each)

    def take(self, due: float) -> _Worker:
        """One that is free; the one that was used last."""
        try:
            return self._free.get(timeout=max(0.0, due - time.monotonic()))
        except queue.Empty as error:
            raise TooBusy from error

    def give_back(self, one: _Worker) -> None:
        """It is free again."""
        self._free.put(one)

    def end(self) -> None:
        """End all processes."""
        for each in self._all:
            each.end()


_workers = _Workers()
atexit.register(_workers.end)
os.register_at_fork(after_in_child=_workers.renew)
