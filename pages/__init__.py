"""What pages of every pattern share: rendering, cards, filters, access, order of urgency."""

from __future__ import annotations
