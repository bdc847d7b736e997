"""The pattern "let us work it out together": plans of steps, talked over, accepted, carried out."""

from __future__ import annotations
