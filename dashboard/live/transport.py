"""The server's end of a socket, closer than a consumer usually goes.

Frames go to the server's own `send`: the session wrapper above it looks at the session for every
message although only pages save one, which is a sixth of what a frame costs. Where the server is
Daphne and a socket has nothing else to write, a frame does not even take a task: its bytes, made
once for all sockets, go to the kernel there and then. Twisted would first gather the frames of all
sockets and then wait for each to say that it takes some: the first page has its frame when the
last one is asked, and the readers' work begins when ours is over.

Daphne has no backpressure: sending never waits, and its buffer grows with a reader who has
stopped reading, until Daphne drops it (no answer to a ping, after about 50 s). So we look at the
buffer before we send. With another server, or a test's, sending itself waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any


def texts_to(send: Any) -> Callable[[str], Awaitable[None]]:
    """What sends a text by an ASGI `send`."""
    server = _beneath(send)

    def say(text: str) -> Awaitable[None]:
        sending: Awaitable[None] = server({"type": "websocket.send", "text": text})
        return sending

    return say


def make_sender(send: Any) -> Callable[[str], bool]:
    """What sends a text without waiting, and says whether it could: elsewhere than on Daphne never."""
    protocol = _protocol(send)
    if not hasattr(protocol, "sendPreparedMessage"):
        return lambda text: False
    write_now, unsent = _write_now(protocol), unsent_by(send)

    def say(text: str) -> bool:
        if protocol.state != protocol.STATE_OPEN:
            return False
        frame = _prepare(protocol.factory, text)
        if protocol.send_queue or unsent() or not write_now(frame):
            protocol.sendPreparedMessage(frame)
        return True

    return say


def _write_now(protocol: Any) -> Callable[[Any], bool]:
    """What gives a frame to the kernel, past an empty buffer; what it does not take waits there.

    False where that cannot be: the frame is to be compressed or enciphered, or the connection is
    lost, which the ordinary way then finds out.
    """
    transport: Any = getattr(protocol, "transport", None)
    plain = hasattr(transport, "writeSomeData") and not getattr(transport, "TLS", False)
    if not plain or protocol._perMessageCompress is not None:
        return lambda frame: False

    def write(frame: Any) -> bool:
        data: bytes = frame.payloadHybi
        sent = transport.writeSomeData(data) if transport.connected else None
        if not isinstance(sent, int):
            return False
        if sent < len(data):
            transport.write(data[sent:])
        return True

    return write


@lru_cache(maxsize=32)  # one text goes to a thousand sockets, a few differ by what a page shows
def _prepare(factory: Any, text: str) -> Any:
    return factory.prepareMessage(text.encode())


def unsent_by(send: Any) -> Callable[[], int]:
    """What counts the bytes that an ASGI `send` has still to write; 0 where nobody can say.

    The numbers are those by which Twisted decides whether to write.
    """
    transport: Any = getattr(_protocol(send), "transport", None)
    if not hasattr(transport, "_tempDataLen"):
        return lambda: 0
    return lambda: len(transport.dataBuffer) - transport.offset + int(transport._tempDataLen)


def _protocol(send: Any) -> Any:
    """Daphne's protocol: its `send` is a partial of `Server.handle_reply` with that."""
    arguments = getattr(_beneath(send), "args", ())
    return arguments[0] if arguments else None


def _beneath(send: Any) -> Any:
    return getattr(getattr(send, "__self__", None), "real_send", send)
