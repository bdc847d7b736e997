"""The pages of escalations."""

from __future__ import annotations
