"""What sections of the statistics page are made of, and its words."""

from __future__ import annotations
