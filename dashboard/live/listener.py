"""One open page, as the hub sees it: what it shows, what it may see, what waits to be sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from dashboard.live import rendering
from dashboard.live.admission import May
from dashboard.live.changes import Shown
from dashboard.live.closing import Closing
from ledger.models import Event

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_WAITING = 500  # frames for one socket; more means that nobody reads them
MOST_UNSENT = 1024 * 1024  # bytes in the server's write buffer of one socket
PATIENCE = 10.0  # seconds for the reader to make room while it catches up

# Not asgiref's one thread for everything: after a restart all pages catch up at once.
_threads = ThreadPoolExecutor(4, thread_name_prefix="hitl-live")


def run_in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The function as one to await; it runs in one of a few threads and may use the database."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False, executor=_threads)


class Listener:
    """All methods are called in its loop. `send` and `close` do it; `unsent` counts bytes.

    `at_once` sends a text without waiting, and says whether it could.

    Live frames are held back until the page has caught up: a card that was drawn later must
    never be followed by one that was drawn earlier.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        *,
        session_key: str,
        may: May,
        on: Shown = None,
        unsent: Callable[[], int] = lambda: 0,
        at_once: Callable[[str], bool] = lambda text: False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.session_key = session_key
        self.may = may
        self.on = on
        self.ended = False
        self._send, self._close, self._unsent, self._at_once = send, close, unsent, at_once
        self._held: list[rendering.Frame] | None = []
        self._end = 0  # what the page had when it went live
        self._waiting: deque[str] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def offer(self, frames: list[rendering.Frame]) -> None:
        """Send what of this its page shows and its user may see; later, while it catches up."""
        if self._held is not None:
            self._held += frames
            if len(self._held) > MOST_WAITING:
                self.end(Closing.TRY_AGAIN)
            return
        for frame in frames:
            if frame.event > self._end and (text := self._text(frame)):
                self.say(text)

    def say(self, text: str) -> None:
        """Send a text, after all that waits already. A reader who is gone is sent away.

        Where sending may wait, each does so in a task of its own: a slow one holds up nobody else.
        """
        if self.ended:
            return
        idle = self._sending is None or self._sending.done()
        if idle and self._unsent() <= MOST_UNSENT and self._at_once(text):
            return
        self._waiting.append(text)
        if len(self._waiting) > MOST_WAITING:
            self.end(Closing.TRY_AGAIN)
        elif idle:
            self._sending = self.loop.create_task(self._send_waiting())

    def beat(self, text: str) -> None:
        """Send a sign of life; none is needed while it catches up."""
        if self._held is None:
            self.say(text)

    def end(self, code: Closing) -> None:
        """Close it; nothing more is sent."""
        if self.ended:
            return
        self.ended = True
        self._waiting.clear()
        self._closing = self.loop.create_task(self._close_quietly(code))

    async def catch_up(self, after: int | None) -> None:
        """Send the cards of what changed after that event (None: from now on), then go live.

        The hub hands frames to this socket already. It is through when nothing was appended
        between drawing the last card and looking at the log again: then what the page has is
        the state at `end`, frames up to there say nothing new, and later ones are later.
        """
        sent = 0
        end = await run_in_thread(Event.objects.newest)() if after is None else after
        while not self.ended:
            found = await run_in_thread(rendering.draw_since)(end, self.on)
            if found is None or sent + len(found[0]) > rendering.MOST_CARDS:
                self._go_live(0, rendering.RELOAD)
                return
            frames, end_now = found
            if end_now == end:
                counts = await run_in_thread(rendering.figures)(self.may)
                said = {"cursor": end, "caught_up": sent, "counts": counts}
                self._go_live(end, json.dumps(said))
                return
            for frame in frames:
                await self._send_when_there_is_room(self._text(frame))
            sent, end = sent + len(frames), end_now

    def _go_live(self, end: int, text: str) -> None:
        held, self._held, self._end = self._held or [], None, end
        self.say(text)
        self.offer(held)

    def _text(self, frame: rendering.Frame) -> str:
        return frame.text_for(self.on) if frame.needs in self.may else ""

    async def _send_when_there_is_room(self, text: str) -> None:
        give_up = self.loop.time() + PATIENCE
        while self._unsent() > MOST_UNSENT // 2 and not self.ended:
            await asyncio.sleep(0.05)
            if self.loop.time() > give_up:
                self.end(Closing.TRY_AGAIN)
        if text and not self.ended:
            await self._send(text)

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                if self._unsent() > MOST_UNSENT:
                    self.end(Closing.TRY_AGAIN)
                    return
                await self._send(self._waiting.popleft())
        except Exception:
            log.debug("A frame could not be sent; the socket is closed.", exc_info=True)
            self.end(Closing.TRY_AGAIN)

    async def _close_quietly(self, code: Closing) -> None:
        try:
            await self._close(code.value)
        except Exception:  # of the server; a socket that is closed already makes none
            log.exception("A socket cannot be closed with %s and may hear nothing more.", code)
