"""How much of what was sent to a socket Daphne still has to write.

Daphne has no backpressure: sending never waits, and its buffer grows with a reader who has
stopped reading, until Daphne drops it (no answer to a ping, after about 50 s). So we look at the
buffer before we send. With another server, or a test's, sending itself waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def unsent_by(send: Any) -> Callable[[], int]:
    """What counts the bytes that an ASGI `send` has still to write; 0 where nobody can say.

    Daphne's is a partial of `Server.handle_reply` with the protocol, inside the wrapper of
    Channels' session middleware. The numbers are those by which Twisted decides to write.
    """
    send = getattr(getattr(send, "__self__", None), "real_send", send)
    arguments = getattr(send, "args", ())
    transport: Any = getattr(arguments[0], "transport", None) if arguments else None
    if not hasattr(transport, "_tempDataLen"):
        return lambda: 0
    return lambda: len(transport.dataBuffer) - transport.offset + int(transport._tempDataLen)
