"""The client with which a runner's agents ask their model, or the demo model without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from hitl_agents.llm.chat import is_demo

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ANSWER_SECONDS = 60.0
CONNECT_SECONDS = 5.0
CLIENT_RETRIES = 2  # within one call, by the client; the run's own backoff comes after them


def make_client() -> AsyncOpenAI:
    """A client for this event loop; whoever makes it closes it (`await client.close()`)."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

    if is_demo():
        from hitl_agents.demo.model import respond

        transport = httpx2.MockTransport(respond)
        return AsyncOpenAI(
            base_url="http://demo.invalid/v1",
            api_key="demo",
            max_retries=0,
            http_client=DefaultAsyncHttpx2Client(transport=transport),
        )
    return AsyncOpenAI(
        base_url=settings.OPENAI_BASE_URL or None,
        api_key=settings.OPENAI_API_KEY,
        timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        max_retries=CLIENT_RETRIES,
    )
