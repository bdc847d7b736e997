"""Reading how sure a model says it is: never surer than it says.

Outside JSON only a line of its own counts, labelled so, whose whole value is one figure. A sentence
with a percentage in it may say anything: "I am not 90% sure" is no confidence of 90%.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from escalations.thresholds import UNREADABLE
from hitl_agents.llm.answers import Answer
from hitl_agents.llm.objects import BEGINS_OBJECT, object_at

GAP = r"[^\S\n]*+"
MARKS = r"(?:[^\S\n]|[*_`|])*+"
ROUND = r"(?:[^\S\n]|[*_`|\[\]\"'“”])*+"  # what may stand around the value
SCALE = r"%|in\s?%|percent|in percent|0\s?[-–—]\s?100\s?%?|0\s?[-–—]\s?10|0\s?[-–—]\s?1(?:\.0)?"
# "CONFIDENCE: …", "**Confidence level** (0-100): …", "| Confidence | …". A quoted line is not the
# model's own.
LABELLED = re.compile(
    rf"(?:[^\S\n]|[*_`|#•-])*+confidence(?![\w-]){GAP}(?:(?:level|score|rating)\b)?{MARKS}"
    rf"(?:\((?P<scale>{SCALE})\))?{MARKS}(?P<sign>[:=]|[-–—])?(?P<value>.*)",
    re.IGNORECASE,
)
FIGURE = r"(?:0|[1-9][0-9]{0,2})(?:[.,][0-9]{1,15})?|[.,][0-9]{1,15}"  # 85, 0.85, 0,85, .85
UNIT = r"%|percent|per\s?cent|/\s?100|/\s?10|/\s?1(?:\.0)?|out\s+of\s+100|out\s+of\s+10"
VALUE = re.compile(
    rf"{ROUND}(?P<first>{FIGURE}){GAP}(?P<first_unit>{UNIT})?"
    rf"(?:{GAP}(?:[-–—−]|to){GAP}(?P<second>{FIGURE}){GAP}(?P<second_unit>{UNIT})?)?"
    rf"{ROUND}[.。]?{ROUND}",
    re.IGNORECASE,
)
THOUSANDS = re.compile(r"[1-9][0-9]*[.,][0-9]{3}")  # 1,000 may be a thousand
DEGREE = re.compile(
    rf"{ROUND}(?:(?:(?:very|fairly|quite|rather)\s)?(?:high|medium|moderate|low|none|unknown|n/a)\b)?"
    rf"{ROUND}[.。]?",
    re.IGNORECASE,
)
DIGITS_FIRST = re.compile(rf"{ROUND}[.,]?[0-9]")
RESPONSE = re.compile(
    r"^[ \t>*_#`-]*+(?:response|answer)[ \t*_`]*+[:=][ \t*_`]*+", re.IGNORECASE | re.MULTILINE
)
LONGEST_LINE = 400  # characters; what is longer is no figure, whatever it begins with
FENCE = re.compile(r"\s*+(?:```(?:json)?\s*+)?")
FULL_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x066A: "%"}
LEAD_IN = re.compile(  # "Here you go:"
    r"\s*+(?:(?:(?!\b(?:not|no|never|wrong|false|doubt|if|un\w+)\b)[A-Za-z ,!]){0,60}:)?"
    r"\s*+(?:```(?:json)?\s*+)?",
    re.IGNORECASE,
)
PLAIN_NAMES = ("answer", "response")
JSON_NAMES = ("confidence", "confidence_level", "confidence_score", "certainty")


@dataclass(frozen=True)
class Stated:
    """An answer, and how sure the model said it is; None where that could not be read."""

    answer: str
    confidence: float | None

    @property
    def counts_as(self) -> float:
        """What is compared with the threshold."""
        return UNREADABLE if self.confidence is None else self.confidence

    @property
    def is_nothing(self) -> bool:
        """An empty answer is never sure, whatever stands beside it."""
        return not self.answer.strip()


@dataclass(frozen=True)
class Line:
    """A line that is labelled as a confidence: what it states, and whether the answer keeps it."""

    share: float | None
    is_only_label: bool


def read_plain(answer: Answer) -> Stated:
    """The `RESPONSE:` / `CONFIDENCE: n%` form, in which a percentage was asked for."""
    if answer.problem is not None and answer.problem.kind == "cut_off":
        return Stated(answer.text.strip(), None)
    found = _sole_object(answer.text)
    stated = None if found is None else _from_object(found, PLAIN_NAMES, bare_is_percent=True)
    return stated or Stated(_response_in(answer.text), read_confidence(answer.text))


def read_structured(answer: Answer) -> Stated | None:
    """{"answer": text, "confidence": 0 to 1} as it was asked for; None if the answer is none.

    The plain form, on which the next question would insist, is taken as it is.
    """
    if answer.problem is not None and answer.problem.kind == "cut_off":
        return None
    found = _sole_object(answer.text, LEAD_IN)
    if found is not None:
        stated = _from_object(found, ("answer",), bare_is_percent=False)
        readable = stated is not None and (stated.confidence is not None or stated.is_nothing)
        return stated if readable else None
    plain = None if BEGINS_OBJECT.search(answer.text) else read_plain(answer)
    return plain if plain is not None and plain.confidence is not None else None


def read_confidence(text: str) -> float | None:
    """How sure a text says that its writer is, from 0 to 1; None if it does not say so readably.

    Of several labelled lines the lowest counts; one that cannot be read counts as UNREADABLE.
    """
    lines = [line for text_line in text.split("\n") if (line := _line(text_line))]
    stated = [line.share for line in lines if line.share is not None]
    lowest = min(stated, default=None)
    unread = len(stated) < len(lines)
    return None if lowest is None or (unread and lowest > UNREADABLE) else lowest


def _line(text: str) -> Line | None:
    """What a line states, if it is labelled as a confidence."""
    line = text.strip()
    head = line[:LONGEST_LINE].translate(FULL_WIDTH)
    label = LABELLED.fullmatch(head)
    if label is None:
        return None
    value = label["value"]
    share = _share_in(value, label["scale"] or "") if len(line) <= LONGEST_LINE else None
    spoken = label["sign"] not in (":", "=") and "|" not in head[: label.start("value")]
    if spoken and share is None and not (label["sign"] is None and DIGITS_FIRST.match(value)):
        return None  # a sentence that begins so
    is_only_label = share is not None or (not spoken and bool(DEGREE.fullmatch(value)))
    return Line(share, is_only_label)


def _share_in(value: str, scale: str) -> float | None:
    """0 to 1, of a text that is one figure or a range of two, whose lower end counts."""
    match = VALUE.fullmatch(value)
    if match is None:
        return None
    last = match["second_unit"] or match["first_unit"] or _unit(scale)
    shares = [_share(match["first"], match["first_unit"] or last)]
    if match["second"]:
        shares.append(_share(match["second"], last))
    read = [share for share in shares if share is not None]
    return min(read) if len(read) == len(shares) else None


def _unit(scale: str) -> str:
    """The unit that a label names beside itself, such as (0-100)."""
    compact = re.sub(r"[\s–—]", "-", scale.lower())
    if not compact:
        return ""
    return "/10" if compact.endswith("-10") else "/1" if compact.endswith(("-1", "-1.0")) else "%"


def _share(figure: str, unit: str) -> float | None:
    """0 to 1. Without a unit a decimal up to 1 is a share, and anything else are percent."""
    number = float(figure.replace(",", "."))
    compact = "".join(unit.lower().split())
    if not compact:
        is_share = number <= 1 and re.search("[.,]", figure)
        scale = 1.0 if is_share else 100.0
        if THOUSANDS.fullmatch(figure):
            return None
    elif compact.endswith(("/10", "outof10")):
        scale = 10.0
    else:
        scale = 1.0 if compact in ("/1", "/1.0") else 100.0
    share = number / scale
    return share if 0 <= share <= 1 else None


# ---- JSON


def _sole_object(text: str, before: re.Pattern[str] = FENCE) -> dict[str, Any] | None:
    """The object that a text is, up to a fence around it: in prose it may be somebody else's."""
    begin = before.match(text)
    placed = object_at(text, begin.end() if begin else 0)
    if placed is None or not FENCE.fullmatch(text, placed.end):
        return None
    return placed.value


def _from_object(
    found: dict[str, Any], names: Sequence[str], *, bare_is_percent: bool
) -> Stated | None:
    """What an object with an answer, under one of these names, states; None if it has none."""
    answer = next((found[name] for name in names if name in found), None)
    if not isinstance(answer, str):
        return None
    named = [found[name] for name in JSON_NAMES if name in found]
    shares = [_from_json(value, bare_is_percent) for value in named]
    stated = [share for share in shares if share is not None]
    return Stated(answer.strip(), min(stated) if stated and len(stated) == len(shares) else None)


def _from_json(value: object, bare_is_percent: bool) -> float | None:
    if isinstance(value, str):
        return None if "\n" in value else _share_in(value.translate(FULL_WIDTH)[:100], "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= 100 or not math.isfinite(value):
        return None
    is_share = value < 1 or (value == 1 and not (bare_is_percent and isinstance(value, int)))
    return float(value) if is_share else float(value) / 100


# ---- The answer beside it


def _response_in(text: str) -> str:
    """What follows `RESPONSE:`, without the labelled line of confidence; all without the label."""
    label = RESPONSE.search(text)
    words = text[label.end() :] if label else text
    return "\n".join(_kept_lines(words)).strip()


def _kept_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        stated = _line(line)
        if stated is None or not stated.is_only_label:
            yield line
        elif line.strip():
            yield ""
