"""A frame on its way to the kernel: past Twisted's buffer where that is empty, in order always."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.live.transport import make_sender


class Transport:
    """Stands for Twisted's end of a TCP connection: `takes` is how many bytes the kernel has room for."""

    def __init__(self, takes: int | Exception = 10_000) -> None:
        self.takes = takes
        self.connected = 1
        self.kernel = b""
        self.dataBuffer, self.offset, self._tempDataLen = b"", 0, 0

    def writeSomeData(self, data: bytes) -> int | Exception:
        if isinstance(self.takes, Exception):
            return self.takes
        taken = data[: self.takes]
        self.kernel += taken
        return len(taken)

    def write(self, data: bytes) -> None:
        self.dataBuffer += data


class Protocol:
    """Stands for autobahn's protocol of an open socket."""

    STATE_OPEN = state = 3

    def __init__(self, transport: Transport, **more: Any) -> None:
        self.transport = transport
        self.factory = self
        self.send_queue: list[bytes] = []
        self._perMessageCompress = None
        vars(self).update(more)

    def prepareMessage(self, payload: bytes) -> Any:
        return SimpleNamespace(payloadHybi=b"<" + payload + b">")

    def sendPreparedMessage(self, frame: Any) -> None:
        self.transport.write(frame.payloadHybi)

    async def handle_reply(self, protocol: Protocol, message: dict[str, str]) -> None:
        raise AssertionError("not at once")


def say(protocol: Protocol, *texts: str) -> list[bool]:
    send = make_sender(partial(protocol.handle_reply, protocol))
    return [send(text) for text in texts]


def test_a_frame_goes_to_the_kernel_at_once() -> None:
    transport = Transport()
    assert say(Protocol(transport), "one", "two") == [True, True]
    assert (transport.kernel, transport.dataBuffer) == (b"<one><two>", b"")


def test_what_the_kernel_does_not_take_waits_in_the_buffer_and_later_frames_behind_it() -> None:
    transport = Transport(takes=3)
    assert say(Protocol(transport), "one", "two") == [True, True]
    assert (transport.kernel, transport.dataBuffer) == (b"<on", b"e><two>")


def test_a_frame_does_not_overtake_what_the_protocol_holds_back() -> None:
    transport = Transport()
    say(Protocol(transport, send_queue=[b"earlier"]), "one")
    assert (transport.kernel, transport.dataBuffer) == (b"", b"<one>")


@pytest.mark.parametrize("lost", [{"takes": ConnectionError("lost")}, {"connected": 0}])
def test_a_lost_connection_is_left_to_the_ordinary_way(lost: dict[str, Any]) -> None:
    transport = Transport()
    vars(transport).update(lost)
    assert say(Protocol(transport), "one") == [True]
    assert (transport.kernel, transport.dataBuffer) == (b"", b"<one>")


@pytest.mark.parametrize("about", ["enciphered", "compressed"])
def test_what_is_changed_on_its_way_is_left_to_the_ordinary_way(about: str) -> None:
    transport = Transport()
    transport.TLS = about == "enciphered"  # type: ignore[attr-defined]
    say(Protocol(transport, _perMessageCompress=about == "compressed" or None), "one")
    assert (transport.kernel, transport.dataBuffer) == (b"", b"<one>")


def test_a_socket_that_is_closing_is_sent_nothing() -> None:
    transport = Transport()
    assert say(Protocol(transport, state=1), "one") == [False]
    assert (transport.kernel, transport.dataBuffer) == (b"", b"")
