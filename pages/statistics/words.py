"""Figures in words: shares, stretches of time, and how a figure compares with the time before."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def count(number: int) -> str:
    """1,198"""
    return f"{number:,}"


def percent(part: float | None) -> str:
    """86.1 %; a dash where there is nothing to have a share of."""
    return "–" if part is None else f"{part * 100:.1f} %"


def mean(number: float | None) -> str:
    """1.4; a dash where there is nothing of which to have a mean."""
    return "–" if number is None else f"{number:.1f}"


def took(seconds: float | None) -> str:
    """As short as two or three digits say it: 0.31 s, 12 s, 2.4 min, 19 min, 5.0 h, 3.1 d."""
    if seconds is None:
        return "–"
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1)):
        if seconds >= size or unit == "s":
            return f"{_short(seconds / size)} {unit}"
    raise AssertionError("unreachable")


def minutes(number: float | None) -> str:
    """The minutes of a table that a chart is drawn from: digits only; empty for nothing."""
    return "" if number is None else _short(number)


def _short(number: float) -> str:
    if number >= 10:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 1 else f"{number:.2g}"


def compare(now: int, before: int) -> str:
    """How many more or fewer than in the time before: "112 more (+10 %)"."""
    if now == before:
        return "as many as before"
    word = "more" if now > before else "fewer"
    ratio = f" ({(now - before) / before * 100:+.0f} %)".replace("-", "−") if before else ""
    return f"{count(abs(now - before))} {word}{ratio}"


def points(now: float | None, before: float | None) -> str:
    """How far a share has moved: "1.4 points less"; empty where there is nothing to compare."""
    if now is None or before is None:
        return ""
    moved = round((now - before) * 100, 1)
    if moved == 0:
        return "the same share"
    return f"{abs(moved)} points {'more' if moved > 0 else 'less'}"


def against(now: float | None, before: float | None) -> str:
    """What a time was before: "2.6 min before"."""
    return "" if now is None or before is None else f"{took(before)} before"
