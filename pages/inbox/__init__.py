"""The inbox's rows: lanes of open questions, runs in doubt with their evidence, the order of urgency."""

from __future__ import annotations
