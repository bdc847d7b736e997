"""The measured agent: it asks, waits, and notes the time at which its next line ran."""

from __future__ import annotations

import os
import time
from typing import Any

from hitl_agents.context.run_context import RunContext


async def bench(task: str, context: RunContext) -> dict[str, Any]:
    """Waits at a gate and writes down when it went on."""
    gate = context.gate("bench")
    request = await gate.request_approval(context.agent_id, "tell", {"task": task})
    await gate.wait_for_approval(request.pk)
    note(os.environ["BENCH_WOKEN"], request.pk, time.monotonic_ns())
    return {}


def note(path: str, request_id: int, nanoseconds: int) -> None:
    """Append one line at once, so that lines of several writers do not mix."""
    with open(path, "a", buffering=1) as lines:
        lines.write(f"{request_id} {nanoseconds}\n")
