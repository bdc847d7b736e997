"""The frame of every page: menu, errors, health, what is said while the database is away."""

from __future__ import annotations
