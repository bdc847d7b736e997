"""The pages of runs: all of them, one with its timeline, a new one."""

from __future__ import annotations
