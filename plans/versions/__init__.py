"""Versions of a plan: their steps, how two of them differ, what people change, and the storing."""

from __future__ import annotations
