"""Reading an answer and how sure its model is, in the many ways in which models write both."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

UNREADABLE = 0.5

# The pieces. Spaces are taken possessively (`*+`): a text of nothing but spaces is read in no time.
GAP = r"[^\S\n]*+"
MARKS = r"[\s*_`\"'“”]*+"
LINE_MARKS = r"(?:[^\S\n]|[*_`\"'“”])*+"
WORD = rf"confidence\b(?:{GAP}\b(?:level|score|rating)\b)?(?:{GAP}\([^()\n]{{1,40}}\))?"
ABOUT = rf"(?:(?:about|around|approximately|roughly|ca\.?|~|≈){GAP})?"
PERCENT = r"%|％|percent\b|per\s?cent\b"
UNIT = r"/\s*100\b|/\s*10\b|/\s*1(?:\.0)?\b|out\s+of\s+100\b|out\s+of\s+10\b"
OTHER_SCALE = r"\s*+/\s*+\d|\s*+(?:out\s++)?of\s++\d"  # better unread than misread
NUMBER = (
    rf"(?P<number>\d{{1,3}}(?:[.,]\d++)?+|[.,]\d++)(?!\d){GAP}"
    rf"(?P<unit>{PERCENT}|{UNIT})?(?!{OTHER_SCALE})"
)
DEGREE = r"(?:(?:very|fairly|quite|rather)\s)?(?:high|medium|moderate|low|none|unknown|n/a)\b"
LABEL = r"[ \t>*_#`-]*"

# A line of its own: "CONFIDENCE: 85%", "**Confidence** (0-100): 40", "Confidence 40%.", but not
# "Confidence intervals are …". The last one counts: a model that thinks aloud ends with it.
LABELLED = re.compile(
    rf"^{LABEL}{WORD}{LINE_MARKS}(?:"
    rf"[:=]{LINE_MARKS}(?P<said>(?:{ABOUT}[.,]?\d|{DEGREE}).*|)"
    rf"|[-–—]?{LINE_MARKS}(?P<alone>{ABOUT}{NUMBER})(?:[^\S\n]|[*_`.!)])*+"
    r")$",
    re.IGNORECASE | re.M,
)
VALUE = re.compile(ABOUT + NUMBER, re.IGNORECASE)
# "My confidence is 85%".
STATED = re.compile(
    rf"\b{WORD}{MARKS}(?:[:=\-–—]|\bis\b|\bof\b)?{MARKS}{ABOUT}{NUMBER}", re.IGNORECASE
)
# "85% confident", "I am 85 percent sure".
TURNED = re.compile(
    rf"(?<!\d)(?P<number>\d{{1,3}}(?:[.,]\d{{1,6}})?)(?!\d){GAP}(?P<unit>{PERCENT})\s*+"
    r"(?:confiden(?:t|ce)|sure|certain(?:ty)?)\b",
    re.IGNORECASE,
)
RESPONSE = re.compile(rf"^{LABEL}(?:response|answer)[ \t*_`]*[:=][ \t*_`]*", re.IGNORECASE | re.M)
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
    """How sure a text says that its writer is, from 0 to 1; None if it does not say so readably.

    Where a line is labelled so, only such lines count, and no prose.
    """
    for match in reversed(_stated_in(text[:MOST])):
        number = float(match["number"].replace(",", "."))
        found = _share(number, " ".join((match["unit"] or "").lower().split()))
        if found is not None:
            return found
    return None


def _stated_in(text: str) -> list[re.Match[str]]:
    """The readable figures of the most telling form that the text has, in its order."""
    labelled = [line["said"] or line["alone"] for line in LABELLED.finditer(text)]
    values = [VALUE.match(value) for value in labelled if value]
    if values:
        return [value for value in values if value is not None]
    return list(STATED.finditer(text)) or list(TURNED.finditer(text))


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
    """What follows `RESPONSE:`, without the labelled line of confidence; all of it without the label."""
    label = RESPONSE.search(text)
    words = text[label.end() :] if label else text
    return LABELLED.sub("", words).strip()
