"""The template tags of reviews."""

from __future__ import annotations
