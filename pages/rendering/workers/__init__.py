"""Processes that draw what agents wrote, each text within a budget."""

from __future__ import annotations
