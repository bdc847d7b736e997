"""Pages that listen at the live socket, as tests see them: without a browser and a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client

from dashboard.live import rendering
from dashboard.live.hub import hub
from hitl_site.asgi import application
from ledger import tail

HOST = "localhost:8000"
ORIGIN = f"http://{HOST}"
PATIENCE = 60.0  # seconds, for something that must come

in_thread = database_sync_to_async  # closes its connection afterwards


def cookie_of(user: User) -> str:
    """The key of a new session of that user."""
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


class Page(WebsocketCommunicator):
    """One open page. `after` is its cursor, `on` what it shows; None leaves them out."""

    def __init__(
        self,
        cookie: str,
        *,
        after: object = None,
        on: str | None = None,
        origin: str | None = ORIGIN,
    ) -> None:
        asked = {"after": after, "on": on}
        query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
        headers = [(b"cookie", f"sessionid={cookie}".encode())] if cookie else []
        headers += [(b"origin", origin.encode())] if origin is not None else []
        headers += [(b"host", HOST.encode())]
        super().__init__(application, f"/ws/live/?{query}", headers)

    async def open(self) -> Page:
        """Connect, which must succeed."""
        accepted, code = await self.connect(timeout=PATIENCE)
        assert accepted, code
        return self

    async def frame(self) -> dict[str, Any]:
        """The next frame."""
        found: dict[str, Any] = json.loads(await self.receive_from(timeout=PATIENCE))
        return found

    async def cards(self) -> list[dict[str, Any]]:
        """What it catches up with, until it says that it has."""
        found = []
        while "caught_up" not in (frame := await self.frame()):
            assert "reload" not in frame
            found.append(frame)
        return found

    async def live(self) -> Page:
        """Connect, and be done with catching up."""
        await self.open()
        await self.cards()
        return self

    async def card(self, subject: str) -> dict[str, Any]:
        """The next frame about that subject; what is about others is passed over."""
        while (frame := await self.frame()).get("subject") != subject:
            pass
        return frame

    async def closed(self) -> int:
        """The code with which the server closes it; frames before that are passed over."""
        while (message := await self.receive_output(timeout=PATIENCE))["type"] == "websocket.send":
            pass
        assert message["type"] == "websocket.close"
        code: int = message["code"]
        assert code == 1000 or 3000 <= code < 5000  # Daphne takes no other
        return code

    async def close(self) -> None:
        """Leave, whatever state it is in."""
        if not self.future.done():
            await self.send_input({"type": "websocket.disconnect", "code": 1001})
            await asyncio.wait([self.future], timeout=PATIENCE)


class Pages:
    """The pages of one test, closed with it."""

    def __init__(self) -> None:
        self.opened: list[Page] = []
        rendering.recent.forget()  # another test's log had events of the same ids

    def __call__(self, cookie: str, **options: Any) -> Page:
        page = Page(cookie, **options)
        self.opened.append(page)
        return page

    async def close(self) -> None:
        """Close all, and end the threads that served them, so that no connection is left."""
        for page in self.opened:
            await page.close()
        await asyncio.to_thread(hub.stop)
        await asyncio.to_thread(tail.stop)
