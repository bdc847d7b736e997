"""Rendering of agents' text: marks, arguments, differences, JSON, Markdown, code, times."""

from __future__ import annotations
