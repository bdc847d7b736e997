"""The verbs of gates: make one, change its rule. Each is in the log with the rule before and after.

Requests that wait keep the rule they were asked under; a change counts for those that come.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group

from approvals.models import DAY, Gate
from ledger.errors import BadInput, NotAllowed, UnknownId, quoted
from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import record, rows_for_update, verb

LONGEST = 10 * 365 * DAY  # seconds


@verb
def create(
    name: str,
    *,
    by: Any,
    risk_threshold: object = RiskLevel.MEDIUM,
    deadline_seconds: int | None = DAY,
    deciders: Iterable[Group] = (),
) -> Gate:
    """A new gate; superusers and members of `deciders` decide. Raises NotAllowed, BadInput."""
    if not by.has_perm("approvals.add_gate"):
        raise NotAllowed("Making gates is for operators.")
    name = name.strip()
    if not name or len(name) > 200:
        raise BadInput("name", "A gate has a name of at most 200 characters.")
    if Gate.objects.filter(name=name).exists():
        raise BadInput("name", f"There is a gate {quoted(name)} already.")
    gate = Gate(name=name)
    _set(gate, risk_threshold, deadline_seconds)
    gate.save(force_insert=True)
    gate.deciders.set(deciders)
    _record(gate, before=None, actor=actor_for(by))
    return gate


@verb
def change(
    gate_id: object,
    *,
    by: Any,
    risk_threshold: object,
    deadline_seconds: int | None,
    deciders: Iterable[Group],
) -> Gate:
    """Give a gate another rule. The same rule again writes nothing.

    `deadline_seconds` None waits as long as it takes. Raises NotAllowed, BadInput, UnknownId.
    """
    if not by.has_perm("approvals.change_gate"):
        raise NotAllowed("Changing gates is for operators.")
    gate: Gate | None = rows_for_update(Gate).filter(pk=gate_id).first()
    if gate is None:
        raise UnknownId("gate", gate_id)
    before = gate.rule
    _set(gate, risk_threshold, deadline_seconds)
    gate.save(update_fields=["risk_threshold", "deadline_seconds"])
    gate.deciders.set(deciders)
    if gate.rule != before:
        _record(gate, before=before, actor=actor_for(by))
    return gate


@verb
def create_on_first_use(name: str, risk_threshold: RiskLevel, deciders: str) -> Gate:
    """The gate that an agent or a program is the first to name, decided by that group."""
    gate, made = Gate.objects.get_or_create(name=name, defaults={"risk_threshold": risk_threshold})
    if made:
        gate.deciders.add(Group.objects.get_or_create(name=deciders)[0])
        _record(gate, before=None, actor="system")
    return gate


def _set(gate: Gate, risk_threshold: object, deadline_seconds: int | None) -> None:
    gate.risk_threshold = RiskLevel.parse(risk_threshold, "risk_threshold")
    if deadline_seconds is not None and not 1 <= deadline_seconds <= LONGEST:
        raise BadInput("deadline_seconds", f"From 1 to {LONGEST:,} seconds, or empty.")
    gate.deadline_seconds = deadline_seconds


def _record(gate: Gate, *, before: dict[str, Any] | None, actor: str) -> None:
    record("gates.changed", gate.subject, actor=actor, before=before, after=gate.rule)
