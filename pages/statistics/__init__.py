"""Parts of the sections of the statistics page, and its words."""

from __future__ import annotations
