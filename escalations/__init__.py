"""“I am not sure.” What agents ask people, what they answer, and what is learnt from it."""

from __future__ import annotations
