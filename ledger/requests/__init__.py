"""The machinery of requests, the same for every pattern."""

from __future__ import annotations
