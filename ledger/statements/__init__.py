"""Prepared statements: SQL that Django writes once, row lookup, and pages by a cursor."""

from __future__ import annotations
