"""May I do this? An agent asks, a person decides."""

from __future__ import annotations
