"""Tests with real processes, real signals and a real database file."""

from __future__ import annotations
