"""The inbox: everything that waits for a person, the most urgent first."""

from __future__ import annotations
