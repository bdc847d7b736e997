"""A real Daphne, and what comes to it from outside."""

from __future__ import annotations
