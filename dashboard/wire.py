"""The server's end of a socket, closer than a consumer usually goes.

Frames go to the server's own `send`: the session wrapper above it looks at the session for every
message although only pages save one, which is a sixth of what a frame costs. Where the server is
Daphne and a socket has nothing else to write, a frame does not even take a task: its bytes, made
once for all sockets, go to the protocol.

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


def at_once_to(send: Any) -> Callable[[str], bool]:
    """What sends a text without waiting, and says whether it could: elsewhere than on Daphne never."""
    protocol = _protocol(send)
    if not hasattr(protocol, "sendPreparedMessage"):
        return lambda text: False

    def say(text: str) -> bool:
        if protocol.state != protocol.STATE_OPEN:
            return False
        protocol.sendPreparedMessage(_prepared(protocol.factory, text))
        return True

    return say


@lru_cache(maxsize=32)  # one text goes to a thousand sockets, a few differ by what a page shows
def _prepared(factory: Any, text: str) -> Any:
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
