"""The statistics page, its tables, charts and files."""

from __future__ import annotations
