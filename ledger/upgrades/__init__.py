"""Upgrades: which version a database was migrated by, and which databases are too new."""

from __future__ import annotations
