"""The public agent classes, one for each pattern, and the built-in agents made of them."""

from __future__ import annotations
