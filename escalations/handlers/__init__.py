"""Programs' own handlers, which may answer in a person's place."""

from __future__ import annotations
