"""The runner: claims runs, drives them, renews their leases, stops cleanly."""

from __future__ import annotations
