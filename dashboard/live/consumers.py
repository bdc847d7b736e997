"""The live socket at /ws/live/?after=<event id>&on=<what the page shows>: one way, to the page."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard.live.admission import find_admitted
from dashboard.live.changes import Shown
from dashboard.live.closing import Closing
from dashboard.live.hub import hub
from dashboard.live.kinds import lists, split
from dashboard.live.listener import Listener, run_in_thread
from dashboard.live.transport import make_sender, texts_to, unsent_by

log = logging.getLogger(__name__)

MOST_SHOWN = 8  # lists and subjects of one page
BEYOND = 2**63  # an id that no log has
MOST_RECEIVED = 20  # frames from a page while its socket lives: it has nothing to say
LONGEST_RECEIVED = 1024  # characters or bytes


class LiveConsumer(AsyncWebsocketConsumer):
    """Admits, registers, catches up. What a page sends changes nothing."""

    listener: Listener | None = None
    catching_up: asyncio.Task[None] | None = None
    received = 0

    async def connect(self) -> None:
        """Refuse whoever may not listen; before accepting, so that the answer is a 403."""
        key = self.scope["session"].session_key or ""
        may = (await run_in_thread(find_admitted)([key])).get(key)
        if may is None:
            await self.close(code=Closing.NOT_ALLOWED.value)
            return
        after, on = parse_query(self.scope["query_string"])
        self.listener = Listener(
            texts_to(self.base_send),
            self.close,
            session_key=key,
            may=may,
            on=on,
            unsent=unsent_by(self.base_send),
            at_once=make_sender(self.base_send),
        )
        await run_in_thread(hub.enter)(self.listener)  # before looking at the log
        await self.accept()
        self.catching_up = asyncio.create_task(self._catch_up(self.listener, after))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore it, and close on a page that goes on."""
        self.received += 1
        if self.listener is None:
            return
        if len(text_data or bytes_data or "") > LONGEST_RECEIVED:
            self.listener.end(Closing.TOO_BIG)
        elif self.received > MOST_RECEIVED:
            self.listener.end(Closing.AGAINST_THE_RULES)

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        if self.catching_up is not None:
            self.catching_up.cancel()
        if self.listener is not None:
            self.listener.ended = True
            hub.leave(self.listener)

    async def _catch_up(self, listener: Listener, after: int | None) -> None:
        try:
            await listener.catch_up(after)
        except Exception:
            log.exception("A page could not catch up; it comes back and tries again.")
            listener.end(Closing.TRY_AGAIN)


def parse_query(query: bytes) -> tuple[int | None, Shown]:
    """`after` and `on` of the address.

    Without `after` a page is told what happens from now on; one that is no id is beyond every
    log. `on` lists what the page shows, with commas; without it a page gets everything.
    """
    fields = parse_qs(query.decode("ascii", "replace"), keep_blank_values=True)
    after = fields.get("after", [None])[0]
    on = fields.get("on", [None])[0]
    return (
        None if after is None else _event_id(after),
        None if on is None else _parse_shown(on),
    )


def _event_id(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else BEYOND


def _parse_shown(text: str) -> frozenset[str]:
    names = [name for name in text.split(",") if name in lists() or split(name)]
    return frozenset(names[:MOST_SHOWN])
