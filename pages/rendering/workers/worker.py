"""The process in which agents' texts are drawn: one job after the other, each within its budget.

The kernel ends it when a job has used up its time, wherever it is: a regular expression of a lexer
cannot be stopped from inside, and would hold all threads of a web process meanwhile. Started by
`drawing.py` with a socket for its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import struct
from typing import Any

LENGTH = struct.Struct("!I")
MEMORY = 1024**3  # bytes of addresses
BUDGET = 1.0  # seconds of CPU for one job


def send(line: socket.socket, value: Any) -> None:
    """Write one message."""
    data = json.dumps(value).encode()
    line.sendall(LENGTH.pack(len(data)) + data)


def receive(line: socket.socket) -> Any:
    """The next message. EOFError when the other side is gone."""
    return json.loads(_read(line, LENGTH.unpack(_read(line, LENGTH.size))[0]))


def _read(line: socket.socket, count: int) -> bytes:
    pieces = []
    while count:
        piece = line.recv(min(count, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def main() -> None:
    """Draw until nobody asks any more."""
    from pages.rendering.workers.renderers import render  # costs none of a job's budget

    with contextlib.suppress(OSError, ValueError):  # systems differ in what they limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(5)  # pages and sockets come first
    line = socket.socket(fileno=0)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            job = receive(line)
            send(line, _draw(render, job))


def _draw(render: Any, job: dict[str, str]) -> dict[str, Any]:
    signal.setitimer(signal.ITIMER_PROF, BUDGET)  # nobody handles its signal, so that it ends us
    try:
        html, note = render(**job)
        return {"html": html, "note": note}
    except MemoryError:
        return {"costly": True}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
