"""A small model server for tests: the demo model behind real HTTP, well or badly behaved.

`python -m tests.support.servers.openai_server --port 0` prints its port on a line of its own and serves until it
is ended. In a test's own process: `with running(fail_first=2) as server: server.url`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Behaviour:
    """How the server treats requests for completions."""

    fail_first: int = 0  # this many requests get 503
    hang: bool = False  # accept, and never answer
    refuse: bool = False  # the model refuses
    cut_off: bool = False  # every answer ends at the length limit
    malformed: bool = False  # the arguments of tool calls are no JSON
    html: bool = False  # 200 and a web page, as from a wrong address
    key: str = ""  # accept this key only
    record: str = ""  # a file that gets one JSON line for each request


class Server(ThreadingHTTPServer):
    """Serves on 127.0.0.1; `requests` holds the bodies in order."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behaviour: Behaviour, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.behaviour = behaviour
        self.requests: list[dict[str, Any]] = []
        self.ending = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL has to be."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def note(self, content: bytes) -> int:
        """Record a request; its number, from 1."""
        body = json.loads(content or b"{}")
        with self.lock:
            self.requests.append(body)
            if self.behaviour.record:
                with Path(self.behaviour.record).open("a") as file:
                    file.write(json.dumps(body) + "\n")
            return len(self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, content: bytes) -> None:
        behaviour = self.server.behaviour
        number = self.server.note(content)
        if behaviour.key and self.headers.get("Authorization") != f"Bearer {behaviour.key}":
            return self._answer(401, _error(f"Incorrect key: {self.headers['Authorization']}"))
        if number <= behaviour.fail_first:
            return self._answer(503, _error("Overloaded."))
        if behaviour.hang:
            self.server.ending.wait()
            return self.connection.close()
        if behaviour.html:
            return self._send(200, "text/html", b"<!doctype html><title>Hello</title>")
        from hitl_agents.demo.model import serve

        status, answer = serve(self.command, self.path, content)
        return self._answer(status, _spoiled(answer, behaviour) if status == 200 else answer)

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client has given up
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test's output is about the test."""


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "code": None}}


def _spoiled(answer: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    for choice in answer.get("choices", []):
        message = choice["message"]
        if behaviour.refuse:
            message.update(content=None, refusal="I cannot help with that.")
            message.pop("tool_calls", None)
            choice["finish_reason"] = "stop"
        if behaviour.cut_off:
            choice["finish_reason"] = "length"
        for call in message.get("tool_calls", []) if behaviour.malformed else []:
            call["function"]["arguments"] = call["function"]["arguments"][:-1]
    return answer


@contextlib.contextmanager
def running(**behaviour: Any) -> Iterator[Server]:
    """A server in this process, for the length of a block."""
    server = Server(Behaviour(**behaviour))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until ended, as the options say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--fail-first", type=int, default=0, help="answer 503 this many times")
    for flag in ("hang", "refuse", "cut-off", "malformed", "html"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--key", default="", help="accept this key only")
    parser.add_argument("--record", default="", help="write each request to this file")
    options = vars(parser.parse_args())
    with Server(port=options.pop("port"), behaviour=Behaviour(**options)) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
    main()
