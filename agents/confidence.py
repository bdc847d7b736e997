"""Reading an answer and how sure its model is, in the many ways in which models write both."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

UNREADABLE = 0.5

# The last such line counts: a model that thinks aloud states the figure at its end.
STATED = re.compile(
    r"(?:\bconfidence\b(?:\s+(?:level|score|rating))?|\bCONFIDENCE\b)"
    r"[\s*_`\"'”]*(?:[:=\-–—]|\bis\b|\bof\b)?[\s*_`\"'“]*(?:about|around|approximately|roughly|ca\.?|~|≈)?\s*"
    r"(?P<number>\d{1,3}(?:[.,]\d{1,6})?|[.,]\d{1,6})(?!\d)\s*"
    r"(?P<unit>%|％|percent\b|per\s?cent\b|/\s*100\b|/\s*10\b|/\s*1(?:\.0)?\b|out\s+of\s+100\b|out\s+of\s+10\b)?"
    r"(?!\s*/\s*\d|\s*(?:out\s+)?of\s+\d)",  # of another scale: better unread than misread
    re.IGNORECASE,
)
# "85% confident", "I am 85 percent sure".
TURNED = re.compile(
    r"(?<!\d)(?P<number>\d{1,3}(?:[.,]\d{1,6})?)(?!\d)\s*(?P<unit>%|％|percent\b|per\s?cent\b)\s*"
    r"(?:confiden(?:t|ce)|sure|certain(?:ty)?)\b",
    re.IGNORECASE,
)
LABEL = r"[ \t>*_#`-]*"
RESPONSE = re.compile(rf"^{LABEL}(?:response|answer)[ \t*_`]*[:=][ \t*_`]*", re.IGNORECASE | re.M)
CONFIDENCE_LINE = re.compile(rf"^{LABEL}confidence\b.*$", re.IGNORECASE | re.M)
MOST = 50_000  # characters that are looked at


@dataclass(frozen=True)
class Stated:
    """An answer, and how sure the model said it is; None where that could not be read."""

    answer: str
    confidence: float | None


def read_plain(text: str) -> Stated:
    """The `RESPONSE:` / `CONFIDENCE: n%` form, however it is written; never raises."""
    text = text[:MOST]
    return Stated(_response_in(text), read_confidence(text))


def read_structured(text: str) -> Stated | None:
    """A structured answer, {"answer": text, "confidence": number}; None if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("answer"), str):
        return None
    confidence = _from_json(found.get("confidence"))
    return None if confidence is None else Stated(found["answer"], confidence)


def read_confidence(text: str) -> float | None:
    """How sure a text says that its writer is, from 0 to 1; None if it does not say so readably."""
    stated = list(STATED.finditer(text[:MOST])) or list(TURNED.finditer(text[:MOST]))
    for match in reversed(stated):
        number = float(match["number"].replace(",", "."))
        found = _share(number, " ".join((match["unit"] or "").lower().split()))
        if found is not None:
            return found
    return None


def _share(number: float, unit: str) -> float | None:
    """0 to 1. Without a unit, up to 1 is a share and from 1 to 100 are percent."""
    compact = unit.replace(" ", "")
    if compact.endswith(("/10", "outof10")):
        scale = 10.0
    elif compact.startswith("/1") and not compact.startswith("/100"):
        scale = 1.0
    elif compact or number > 1:
        scale = 100.0
    else:
        scale = 1.0
    share = number / scale
    return share if 0 <= share <= 1 else None


def _from_json(value: Any) -> float | None:
    if isinstance(value, str):
        return read_confidence(f"confidence: {value}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _share(float(value), "") if abs(value) <= 100 else None


def _response_in(text: str) -> str:
    """What follows `RESPONSE:`, without the line about confidence; all of it without the label."""
    label = RESPONSE.search(text)
    words = text[label.end() :] if label else text
    return CONFIDENCE_LINE.sub("", words).strip()
