"""The server's end of a socket, closer than a consumer usually goes.

Frames go to the server's own `send`: the session wrapper above it looks at the session for every
message although only pages save one, which is a sixth of what a frame costs.

Daphne has no backpressure: sending never waits, and its buffer grows with a reader who has
stopped reading, until Daphne drops it (no answer to a ping, after about 50 s). So we look at the
buffer before we send. With another server, or a test's, sending itself waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


def texts_to(send: Any) -> Callable[[str], Awaitable[None]]:
    """What sends a text by an ASGI `send`."""
    server = _beneath(send)

    def say(text: str) -> Awaitable[None]:
        sending: Awaitable[None] = server({"type": "websocket.send", "text": text})
        return sending

    return say


def unsent_by(send: Any) -> Callable[[], int]:
    """What counts the bytes that an ASGI `send` has still to write; 0 where nobody can say.

    Daphne's is a partial of `Server.handle_reply` with the protocol. The numbers are those by
    which Twisted decides whether to write.
    """
    arguments = getattr(_beneath(send), "args", ())
    transport: Any = getattr(arguments[0], "transport", None) if arguments else None
    if not hasattr(transport, "_tempDataLen"):
        return lambda: 0
    return lambda: len(transport.dataBuffer) - transport.offset + int(transport._tempDataLen)


def _beneath(send: Any) -> Any:
    return getattr(getattr(send, "__self__", None), "real_send", send)
