"""The parts that all pages share: rendering, cards, filters, access, order of urgency."""

from __future__ import annotations
