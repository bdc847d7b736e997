"""Model servers: asking them, and reading what they answer."""

from __future__ import annotations
