"""The template tags of wishes."""

from __future__ import annotations
