"""Figures about decisions: roll-ups of the log, and how to read them."""

from __future__ import annotations
