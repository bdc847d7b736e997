"""Daphne with a limit on what it is sent.

Daphne hands a request on when all of its body is there, in memory and in a file: an application
cannot refuse what it has not heard of. So the request itself counts, and answers before that.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from daphne import http_protocol
from twisted.internet import reactor

from dashboard.frame.bodies import allowed, is_beyond, too_large

# What a browser that still sends may send on, so that it can read why nobody listens.
LINGER = 3.0  # seconds
LINGER_BYTES = 64 * 1024 * 1024

TYPE = b"content-type"
Request: Any = http_protocol.WebRequest  # without annotations


class BoundedRequest(Request):
    """A request that answers 413 at its declared length, or when more has come than is allowed."""

    most = 0
    received = 0
    refused = False

    def gotLength(self, length: int | None) -> None:  # Twisted's name
        """Called when the headers are there, before the body."""
        path = unquote(self.channel._path.partition(b"?")[0].decode("ascii", "replace"))
        headers = {
            name.lower(): values[0] for name, values in self.requestHeaders.getAllRawHeaders()
        }
        self.most = allowed(path, headers if length is not None else headers | CHUNKED)
        super().gotLength(length if length is None else min(length, self.most))
        if is_beyond(headers, self.most):
            self._refuse(headers)

    def handleContentChunk(self, data: bytes) -> None:
        """Called with each piece of the body."""
        self.received += len(data)
        if self.received > self.most:
            self._refuse({})
        if self.received > self.most + LINGER_BYTES:
            self.channel.transport.abortConnection()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Called at the body's end. Twisted would read forms itself, where every socket waits."""
        self.types = self.requestHeaders.getRawHeaders(TYPE, [])
        self.requestHeaders.removeHeader(TYPE)
        if not self.refused:
            super().requestReceived(command, path, version)

    def process(self) -> Any:
        """Called with the whole request."""
        if self.types:
            self.requestHeaders.setRawHeaders(TYPE, self.types)
        return super().process()

    def _refuse(self, headers: dict[bytes, bytes]) -> None:
        """Answer past the queue of answers, and take nothing any more."""
        if self.refused:
            return
        self.refused = True
        response = too_large(self.most, headers.get(b"hx-request") == b"true")
        lines = [f"{name}: {value}" for name, value in response.items()]
        head = [
            "HTTP/1.1 413 Content Too Large",
            f"Content-Length: {len(response.content)}",
            *lines,
        ]
        transport = self.channel.transport
        transport.write("\r\n".join([*head, "", ""]).encode() + response.content)
        closing: Any = reactor
        closing.callLater(LINGER, transport.abortConnection)


CHUNKED = {b"content-length": b""}  # nothing is declared: anything may come


def bound_daphne() -> None:
    """Have every request that Daphne receives from now on be one of ours."""
    http_protocol.WebRequest = BoundedRequest
