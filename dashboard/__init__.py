"""People at pages: inbox, runs, live updates."""

from __future__ import annotations
