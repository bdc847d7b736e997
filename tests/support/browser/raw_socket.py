"""A websocket without a library, over TCP: what a server really sends, close codes included."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from typing import Any

PATIENCE = 60.0  # seconds, for something that must come
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(Exception):
    """The server did not open it; the text is the status line."""


class RawSocket:
    """An open websocket of a browser that sends these headers."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.bytes = self.line.makefile("rb")
        fields = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self.line.sendall("\r\n".join([*lines, "", ""]).encode())
        status = self.bytes.readline().decode().strip()
        while self.bytes.readline() not in (b"\r\n", b""):
            pass
        if " 101 " not in status:
            self.end()
            raise Refused(status)

    def send(self, text: str) -> None:
        """Send a text, masked as a browser does."""
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self.line.sendall(bytes([0x80 | TEXT]) + size + mask + masked)

    def frame(self) -> tuple[int, bytes]:
        """The next frame: what it is, and what is in it."""
        first, size = self._read(2)
        if size == 126:
            [size] = struct.unpack("!H", self._read(2))
        elif size == 127:
            [size] = struct.unpack("!Q", self._read(8))
        return first & 0x0F, self._read(size)

    def said(self) -> dict[str, Any]:
        """The next text."""
        kind, data = self.frame()
        while kind != TEXT:
            kind, data = self.frame()
        found: dict[str, Any] = json.loads(data)
        return found

    def live(self) -> RawSocket:
        """Be done with catching up."""
        while "caught_up" not in self.said():
            pass
        return self

    def closed(self) -> int:
        """The code with which the server closes it; what comes before is passed over."""
        kind, data = self.frame()
        while kind != CLOSE:
            kind, data = self.frame()
        code: int = struct.unpack("!H", data[:2])[0]
        return code

    def end(self) -> None:
        """Hang up."""
        self.bytes.close()
        self.line.close()

    def _read(self, count: int) -> bytes:
        data = self.bytes.read(count)
        assert len(data) == count, "the server hung up without a close frame"
        return data
