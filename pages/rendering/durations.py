"""Stretches of time in words; static/js/times.js says the same ones in the browser."""

from __future__ import annotations

import math

_HOUR, _DAY = 3600, 86400


def format_elapsed(seconds: float) -> str:
    """How long something took or is ago, rounded down: "8 s", "4 min", "2 h 10 min", "3 d 4 h"."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // 60} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // 60} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def format_remaining(seconds: float) -> str:
    """How long something still lasts, rounded up: "25:52" under an hour, then words."""
    whole = math.ceil(seconds)
    return f"{whole // 60}:{whole % 60:02}" if whole < _HOUR else format_elapsed(whole)


def format_precise(seconds: float) -> str:
    """How long a step took: "0.3 s", "51 s", "4 min 02 s", then as format_elapsed()."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 60 or seconds >= _HOUR:
        return format_elapsed(seconds)
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
