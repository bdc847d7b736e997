"""How long one event takes until the last of many open sockets has it: `run(database_url)`.

Three processes: Daphne, one that asks for approvals, and this one, which holds the sockets. By
hand: `python -m tests.bench.open_pages [DATABASE_URL]`; the database must be empty, without one it
is SQLite in a folder of its own.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from tests.support.installation import BASE_DIR, Installation

SOCKETS = 1_000
EVENTS = 60
WARM_UP = 10  # events that are not counted
AT_ONCE = 20  # sockets that are opened together
PATIENCE = 60.0  # seconds
PING, PONG = 9, 10  # opcodes


def run(database_url: str = "", *, sockets: int = SOCKETS, events: int = EVENTS) -> dict[str, Any]:
    """Milliseconds from the commit of a request until the last socket has its row.

    Returns sockets, events, bytes of a frame, median, p95, p99 and worst. Raises if a socket is
    lost or an event does not arrive.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, sockets + 500), hard), hard))
    with tempfile.TemporaryDirectory() as folder:
        place = Installation(Path(folder), database_url)
        try:
            return asyncio.run(_measured(place, sockets, events))
        finally:
            place.close()


async def _measured(place: Installation, sockets: int, events: int) -> dict[str, Any]:
    done = place.manage("migrate", "-v", "0")
    if done.returncode:
        raise RuntimeError(done.stderr)
    asker = _python(place, "-m", "tests.bench.open_pages", "--ask", str(sockets))
    cookies = json.loads(_line(asker))
    port = str(place.port)
    call = ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", port, "hitl_site.asgi:application")
    _python(place, *call)
    await _answers(place.port)
    async with _opened(place.port, cookies) as pages:
        took = [await _last_arrival(asker, pages, number) for number in range(WARM_UP + events)]
    return _summary(took[WARM_UP:], pages)


def _summary(took: list[float], pages: list[_Page]) -> dict[str, Any]:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {
        "sockets": len(pages),
        "events": len(took),
        "bytes": pages[0].size,
        "median": round(statistics.median(took), 1),
        "p95": round(cuts[94], 1),
        "p99": round(cuts[98], 1),
        "worst": round(max(took), 1),
    }


async def _last_arrival(asker: subprocess.Popen[str], pages: list[_Page], number: int) -> float:
    """Have one request asked; milliseconds from its commit until every page has its row."""
    marker = f"bench_{number:06d}"
    for page in pages:
        page.expect(marker.encode())
    assert asker.stdin is not None
    asker.stdin.write(f"{marker}\n")
    asker.stdin.flush()
    async with asyncio.timeout(PATIENCE):
        for page in pages:
            await page.has_it
    committed = float(_line(asker))
    last = max(page.at for page in pages)
    await asyncio.sleep(0.05)  # the next event meets an idle server
    return (last - committed) * 1000


class _Page(asyncio.Protocol):
    """A websocket that reads just enough to know when a text has come, and answers pings."""

    def __init__(self) -> None:
        self.unread = b""
        self.open = False
        self.marker = b""
        self.at = 0.0
        self.size = 0
        self.has_it: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def expect(self, marker: bytes) -> None:
        self.marker, self.has_it = marker, asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        if not self.open:
            head, ends, self.unread = self.unread.partition(b"\r\n\r\n")
            self.open = bool(ends)
            self.unread = self.unread if ends else head
        while self.open and (frame := _frame(self.unread)):
            opcode, payload, self.unread = frame
            if opcode == PING:
                self.transport.write(
                    bytes([0x80 | PONG, 0x80 | len(payload), 0, 0, 0, 0]) + payload
                )
            elif not self.has_it.done() and self.marker in payload:
                self.at, self.size = time.monotonic(), len(payload)
                self.has_it.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.has_it.done():
            self.has_it.set_exception(ConnectionError(f"lost: {error} {self.unread[:200]!r}"))


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Opcode and payload of the first frame that a server sent, and the rest; None if not whole."""
    if len(data) < 2:
        return None
    wide = {126: 2, 127: 8}.get(data[1], 0)
    start = 2 + wide
    end = start + (int.from_bytes(data[2:start], "big") if wide else data[1])
    return None if len(data) < end else (data[0] & 0x0F, data[start:end], data[end:])


@contextlib.asynccontextmanager
async def _opened(port: int, cookies: list[str]) -> AsyncIterator[list[_Page]]:
    pages: list[_Page] = []
    transports = []
    try:
        for start in range(0, len(cookies), AT_ONCE):
            some = cookies[start : start + AT_ONCE]
            made = await asyncio.gather(*(_open(port, cookie) for cookie in some))
            transports += [transport for transport, _ in made]
            pages += [page for _, page in made]
        yield pages
    finally:
        for transport in transports:
            transport.abort()


async def _open(port: int, cookie: str) -> tuple[asyncio.Transport, _Page]:
    """An inbox's socket, which has caught up."""
    loop = asyncio.get_running_loop()
    transport, page = await loop.create_connection(_Page, "127.0.0.1", port)
    page.expect(b"caught_up")
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        "GET /ws/live/?on=pending HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Origin: http://127.0.0.1:{port}",
        f"Cookie: sessionid={cookie}",
    )
    transport.write("\r\n".join([*head, "", ""]).encode())
    async with asyncio.timeout(PATIENCE):
        await page.has_it
    return transport, page


async def _answers(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def _python(place: Installation, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=place.env,
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    place.processes.append(process)
    return process


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("The process that asks has ended.")
    return line


# ---- The process that asks


def ask(sockets: int) -> None:
    """Print a session for each socket; then ask for what each line names, print when it was."""
    import django

    django.setup()
    from approvals.gate import gate_named
    from tests.bench import commits
    from tests.support import people
    from tests.support.listening import cookie_of

    users = [people.person(f"reader-{number}", "Reviewers") for number in range(10)]
    print(json.dumps([cookie_of(users[n % 10]) for n in range(sockets)]), flush=True)
    gate = gate_named("bench")
    committed = commits.noted()
    for marker in _lines():
        people.asked(gate=gate, action=marker, details={"to": "ana@example.org", "body": "x" * 200})
        print(committed[-1] / 1e9, flush=True)


def _lines() -> Iterator[str]:
    while line := sys.stdin.readline():
        yield line.strip()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        ask(int(sys.argv[2]))
    else:
        print(json.dumps(run(*sys.argv[1:2])))
