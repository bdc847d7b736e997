"""Everything from outside costs a bounded time and memory."""

from __future__ import annotations
