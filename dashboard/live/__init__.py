"""The live socket: one follower a process, one drawing for everybody, frames to every page."""

from __future__ import annotations
