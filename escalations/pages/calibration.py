"""Calibration: how sure an agent says it is against what people say, for a reliability diagram.

Only what a person has marked counts, so nothing is known about answers that never reached one.
Right counts 1, partly ½, wrong 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, FloatField, Sum, Value, When
from django.db.models.functions import Floor, Least

from escalations.models import AttemptWas, Escalation

BINS = 10
Z = 1.959964  # of the 95 % interval
WORTH = {AttemptWas.RIGHT.value: 1.0, AttemptWas.PARTLY.value: 0.5, AttemptWas.WRONG.value: 0.0}


@dataclass(frozen=True)
class Judged:
    """One attempt: how sure the agent was, and how right a person says it was (0 to 1)."""

    confidence: float
    right: float


@dataclass(frozen=True)
class Bin:
    """Attempts of about the same confidence. `surely`: the 95 % interval of what is right."""

    low: float
    high: float
    count: int
    stated: float  # mean confidence
    right: float  # share that was right
    surely: tuple[float, float]


@dataclass(frozen=True)
class Proposal:
    """A threshold, what it would have caught of the errors, and at what share of all asked."""

    threshold: float
    caught: float
    load: float
    errors: float


@dataclass(frozen=True)
class Pair:
    """An agent and a type of which people have marked attempts."""

    agent_id: str
    type: str
    count: int


def pairs() -> list[Pair]:
    """Every agent and type with marked attempts, by name."""
    rows = Escalation.objects.exclude(attempt_was="").exclude(confidence=None)
    counted = rows.values_list("agent_id", "type").annotate(n=Count("pk"))
    return [Pair(*row) for row in counted.order_by("agent_id", "type")]


def read_judged(agent_id: str, type: str, low: float = 0.0, high: float = 1.0) -> list[Judged]:
    """What people have marked of that agent and type, of attempts with such a confidence."""
    rows = Escalation.objects.filter(
        agent_id=agent_id, type=type, confidence__gte=low, confidence__lte=high
    ).exclude(attempt_was="")
    found = rows.values_list("confidence", "attempt_was").order_by("confidence")
    return [Judged(confidence or 0.0, WORTH[was]) for confidence, was in found]


def bin_of(confidence: float, count: int = BINS) -> int:
    """The number of the bin, from 0, that a confidence belongs to; 1 belongs to the last."""
    return min(count - 1, int(confidence * count + 1e-9))


def bins(found: Iterable[Judged], count: int = BINS) -> list[Bin]:
    """The bins that have any attempts, lowest first."""
    sorted_in: dict[int, list[Judged]] = {}
    for each in found:
        sorted_in.setdefault(bin_of(each.confidence, count), []).append(each)
    return [_bin(number, sorted_in[number], count) for number in sorted(sorted_in)]


def _bin(number: int, found: Sequence[Judged], count: int) -> Bin:
    stated = math.fsum(each.confidence for each in found)
    return _make_bin(number, len(found), stated, math.fsum(each.right for each in found), count)


def _make_bin(number: int, many: int, stated: float, right: float, count: int = BINS) -> Bin:
    """A bin of so many attempts, from the sums of what they stated and of what was right."""
    low, high, share = number / count, (number + 1) / count, right / many
    return Bin(low, high, many, stated / many, share, _wilson(share, many))


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen in so many cases."""
    square = Z * Z / count
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def gap(found: Sequence[Judged]) -> float:
    """Expected calibration error: how far stated and right are apart, on average over attempts."""
    return gap_of(bins(found))


def gap_of(found: Sequence[Bin]) -> float:
    """The same of bins."""
    total = sum(each.count for each in found)
    return sum(abs(b.stated - b.right) * b.count for b in found) / total if total else 0.0


def propose(found: Sequence[Judged], share: float) -> Proposal | None:
    """The lowest threshold below which lies at least that share of the errors.

    None where there are no errors, or where even asking below 1 would not catch so many.
    """
    ordered = sorted(found, key=lambda each: each.confidence)
    errors = math.fsum(1 - each.right for each in ordered)
    if not errors:
        return None
    caught = 0.0
    for number, each in enumerate(ordered, start=1):
        caught += 1 - each.right
        following = ordered[number].confidence if number < len(ordered) else math.inf
        if following != each.confidence and caught >= share * errors - 1e-9:
            if each.confidence >= 1:
                return None
            threshold = min(_round_up(each.confidence), following, 1.0)
            return Proposal(threshold, caught / errors, number / len(ordered), errors)
    return None


def _round_up(confidence: float) -> float:
    """The next whole percent."""
    percent = math.floor(confidence * 100) + 1
    return percent / 100 if percent / 100 > confidence else (percent + 1) / 100


@dataclass(frozen=True)
class Figure:
    """Everything that is shown of one agent and type."""

    pair: Pair
    bins: list[Bin]
    gap: float
    proposal: Proposal | None


def figure(pair: Pair, share: float) -> Figure:
    """The diagram's bins, and the threshold that would catch that share of the errors."""
    found = read_judged(pair.agent_id, pair.type)
    return Figure(pair, bins(found), gap(found), propose(found, share))


# ---- Of a stretch of time, for the statistics


@dataclass(frozen=True)
class Marked:
    """The marked attempts of one agent and type with about the same confidence, added up."""

    agent_id: str
    type: str
    bin: int
    count: int
    stated: float
    right: float


def read_marked(start: datetime, end: datetime, **narrowed: str) -> list[Marked]:
    """What people have marked of the questions that ended in this time, by agent, type and bin.

    `narrowed` to an agent_id, a type or a risk_level. One query, whose rows are few however many
    attempts there are.
    """
    rows = Escalation.objects.exclude(attempt_was="").exclude(confidence=None)
    rows = rows.filter(resolved_at__gte=start, resolved_at__lt=end, **narrowed)
    number = Least(Floor(F("confidence") * BINS + 1e-9), Value(BINS - 1.0))
    worth = [When(attempt_was=was, then=Value(right)) for was, right in WORTH.items()]
    found = rows.values_list("agent_id", "type", number).annotate(
        many=Count("pk"),
        stated=Sum("confidence"),
        right=Sum(Case(*worth, output_field=FloatField())),
    )
    return sorted((_make_marked(*row) for row in found), key=_place)


def _make_marked(
    agent_id: str, type: str, number: float, count: int, stated: float, right: float
) -> Marked:
    return Marked(agent_id, type, int(number), count, stated, right)


def _place(each: Marked) -> tuple[str, str, int]:
    return each.agent_id, each.type, each.bin


def bins_of(found: Iterable[Marked]) -> list[Bin]:
    """The bins of all these together, lowest first."""
    sums: dict[int, tuple[int, float, float]] = {}
    for each in found:
        many, stated, right = sums.get(each.bin, (0, 0.0, 0.0))
        sums[each.bin] = many + each.count, stated + each.stated, right + each.right
    return [_make_bin(number, *sums[number]) for number in sorted(sums)]
