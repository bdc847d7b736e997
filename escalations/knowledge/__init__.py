"""Kept answers: what people said, found again for similar questions."""

from __future__ import annotations
