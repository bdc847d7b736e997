"""The template tags that every page may use."""

from __future__ import annotations
