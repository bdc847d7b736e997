"""The journal: what an agent did that must not be done twice, and the replay that answers from it."""

from __future__ import annotations
