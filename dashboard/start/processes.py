"""Keeps a few child processes running until it is told to stop."""

from __future__ import annotations

import ctypes
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIVED_WELL = 60.0  # seconds, after which a death counts as the first again
LONGEST_PAUSE = 30.0  # seconds
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Child:
    """One process to keep running. `name` is what messages call it."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float | None = field(default=0.0)  # when to start it; None while it runs

    def start(self) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches only its parent."""
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_end_with_parent,  # safe: the parent has no threads
        )
        self.started, self.due = time.monotonic(), None

    def send(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.process:
            self.process.send_signal(number)

    def get_exit_code(self) -> int | None:
        """Its exit code if it ended since the last call (below 0: the signal), else None."""
        if self.process is None or self.process.poll() is None:
            return None
        code, self.process = self.process.returncode, None
        lived = time.monotonic() - self.started
        self.deaths = 1 if lived > LIVED_WELL else self.deaths + 1
        return code

    def pause(self) -> float:
        """Seconds until it may start again: longer with every death in a row."""
        seconds = min(0.5 * 2 ** (self.deaths - 1), LONGEST_PAUSE)
        self.due = time.monotonic() + seconds
        return seconds


def _end_with_parent() -> None:
    """In the new child, on Linux: be told to stop when the parent is gone, even by kill -9."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Starts the children, starts dead ones again, and ends them all on a signal.

    `ready` is asked ten times a second until it says yes; then `on_ready` runs once. A first
    child that ends before that cannot serve at all, and ends everything. `say` gets sentences.
    """

    def __init__(
        self,
        children: list[Child],
        *,
        ready: Callable[[], bool],
        on_ready: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.children = children
        self.ready = ready
        self.on_ready = on_ready
        self.say = say
        self.is_ready = False
        self.stops = 0  # how often we were told to
        self.code = 0
        # SimpleQueue.put may run in a signal handler; a wake costs nothing while all is well.
        self.wakes: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> int:
        """Run until told to stop; 0, or 1 if the first child never served."""
        with self._handlers():
            while True:
                for child in self.children:
                    self._look_after(child)
                if self.stops and not any(child.process for child in self.children):
                    return self.code
                self._announce()
                self._wait()

    def _look_after(self, child: Child) -> None:
        code = child.get_exit_code()
        if code is not None:
            self._bury(child, code)
        if not self.stops and child.due is not None and child.due <= time.monotonic():
            child.start()

    def _bury(self, child: Child, code: int) -> None:
        if self.stops:
            return
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if child is self.children[0] and not self.is_ready:
            self.say(f"The {child.name} could not start ({how}); the reason stands above.")
            self.code = 1
            self._stop()
            return
        self.say(f"The {child.name} ended ({how}). It starts again in {child.pause():g} s.")

    def _announce(self) -> None:
        if not self.is_ready and not self.stops and self.ready():
            self.is_ready = True
            self.on_ready()

    def _wait(self) -> None:
        """Sleep until a signal, the next restart, or the next look at `ready`."""
        dues = [child.due - time.monotonic() for child in self.children if child.due is not None]
        if not self.is_ready:
            dues.append(0.1)
        timeout = None if self.stops or not dues else max(min(dues), 0)
        try:
            number = self.wakes.get(timeout=timeout)
        except queue.Empty:
            return
        if number in STOP:
            self._stop()

    def _stop(self) -> None:
        self.stops += 1
        if self.stops == 1:
            self.say("Stopping: the step in hand is finished first. Ctrl-C again stops at once.")
        for child in self.children:
            child.due = None
            child.send(signal.SIGTERM if self.stops == 1 else signal.SIGKILL)

    @contextmanager
    def _handlers(self) -> Iterator[None]:
        """Handle signals inside the block, and as before after it."""

        def wake(number: int, frame: FrameType | None) -> None:
            self.wakes.put(number)

        before = {number: signal.signal(number, wake) for number in (*STOP, signal.SIGCHLD)}
        try:
            yield
        finally:
            for child in self.children:  # none is left, unless an error brought us here
                child.send(signal.SIGKILL)
            for number, handler in before.items():
                signal.signal(number, handler)
