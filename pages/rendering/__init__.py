"""How agents' text is drawn: marks, arguments, differences, JSON, Markdown, code, times."""

from __future__ import annotations
