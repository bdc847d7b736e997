"""Configuration only. The first import in every process: it settles which SQLite is used."""

from __future__ import annotations

from hitl_site.sqlite import swap

swap()
