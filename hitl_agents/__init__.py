"""Agents at work: the journal, the runner, the actions."""

from __future__ import annotations
