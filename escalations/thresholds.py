"""The rules that escalations are asked under: which one holds, and how operators change them.

Escalations that wait keep the rule they were asked under; a change counts for those that come.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from escalations.models import DAY, Threshold
from ledger import canonical
from ledger.errors import BadInput, NotAllowed, UnknownId, quoted
from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import record, rows_for_update, verb

UNREADABLE = 0.5  # what a confidence counts as that an agent's model did not state readably
LONGEST = 10 * 365 * DAY  # seconds
NEW = {"risk_level": str(RiskLevel.MEDIUM), "deadline_seconds": DAY}  # where there is no row


def row_for(agent_id: str, type: str) -> Threshold | None:
    """The most exact row: that agent and that type, then the agent, then the type."""
    rows = Threshold.objects.filter(Q(agent_id=agent_id) | Q(agent_id=""), type__in=[type, ""])
    return max(rows, key=lambda row: (bool(row.agent_id), bool(row.type)), default=None)


def rule_for(agent_id: str, type: str, needed: float | None = None) -> dict[str, Any]:
    """The rule that holds now: of the row, else medium risk and a day.

    `needed`: the confidence that the agent has compared with, which stands whatever a row says.
    """
    row = row_for(agent_id, type)
    rule = {"row": None, "confidence": None, **NEW} if row is None else row.rule
    return rule if needed is None else {**rule, "confidence": check_confidence(needed)}


def confidence_for(agent_id: str, type: str, own: float) -> float:
    """From which confidence on that agent goes on alone; `own` is what its code says."""
    row = row_for(agent_id, type)
    return own if row is None else row.confidence


def check_confidence(confidence: object) -> float:
    """A number from 0 to 1, or BadInput."""
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not is_number or not 0 <= confidence <= 1:  # type: ignore[operator]  # NaN is not, either
        raise BadInput("confidence", f"{quoted(confidence)} is no number from 0 to 1.")
    return float(confidence)  # type: ignore[arg-type]


@verb
def create(
    *,
    by: Any,
    agent_id: str = "",
    type: str = "",
    confidence: float,
    risk_level: object = RiskLevel.MEDIUM,
    deadline_seconds: int | None = DAY,
) -> Threshold:
    """A new row for an agent, a type, or both. Raises NotAllowed, BadInput."""
    if not by.has_perm("escalations.add_threshold"):
        raise NotAllowed("Making thresholds is for operators.")
    agent_id, type = agent_id.strip(), type.strip()
    if not agent_id and not type:
        raise BadInput("agent_id", "Name an agent, a type, or both.")
    for field, name in (("agent_id", agent_id), ("type", type)):
        canonical.canonical(name, field)
        if len(name) > 200:
            raise BadInput(field, "longer than 200 characters.")
    if Threshold.objects.filter(agent_id=agent_id, type=type).exists():
        raise BadInput("agent_id", "There is a row for these already.")
    row = Threshold(agent_id=agent_id, type=type)
    _set(row, confidence, risk_level, deadline_seconds)
    row.save(force_insert=True)
    _record(row, before=None, after=row.rule, by=by)
    return row


@verb
def change(
    threshold_id: object,
    *,
    by: Any,
    confidence: float,
    risk_level: object,
    deadline_seconds: int | None,
) -> Threshold:
    """Give a row another rule. The same again writes nothing.

    `deadline_seconds` None waits as long as it takes. Raises NotAllowed, BadInput, UnknownId.
    """
    if not by.has_perm("escalations.change_threshold"):
        raise NotAllowed("Changing thresholds is for operators.")
    row = _lock_row(threshold_id)
    before = row.rule
    _set(row, confidence, risk_level, deadline_seconds)
    row.save(update_fields=["confidence", "risk_level", "deadline_seconds"])
    if row.rule != before:
        _record(row, before=before, after=row.rule, by=by)
    return row


@verb
def remove(threshold_id: object, *, by: Any) -> None:
    """Take a row away: what the agent's code says counts again. Raises NotAllowed, UnknownId."""
    if not by.has_perm("escalations.delete_threshold"):
        raise NotAllowed("Removing thresholds is for operators.")
    row = _lock_row(threshold_id)
    _record(row, before=row.rule, after=None, by=by)
    row.delete()


def _lock_row(threshold_id: object) -> Threshold:
    row: Threshold | None = rows_for_update(Threshold).filter(pk=threshold_id).first()
    if row is None:
        raise UnknownId("threshold", threshold_id)
    return row


def _set(
    row: Threshold, confidence: object, risk_level: object, deadline_seconds: int | None
) -> None:
    row.confidence = check_confidence(confidence)
    row.risk_level = RiskLevel.parse(risk_level)
    if deadline_seconds is not None and not 1 <= deadline_seconds <= LONGEST:
        raise BadInput("deadline_seconds", f"From 1 to {LONGEST:,} seconds, or empty.")
    row.deadline_seconds = deadline_seconds


def _record(
    row: Threshold, *, before: dict[str, Any] | None, after: dict[str, Any] | None, by: Any
) -> None:
    record("thresholds.changed", row.subject, actor=actor_for(by), before=before, after=after)
