"""People and groups: whom a verb is done by, and what the three groups may do."""

from __future__ import annotations
