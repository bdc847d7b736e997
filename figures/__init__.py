"""What was decided, in numbers: roll-ups of the log, and how to read them."""

from __future__ import annotations
