"""The log: the wake after a commit, its followers, its guards, its verification and export."""

from __future__ import annotations
