"""The verbs of output types and limits: what an operator sets, each with before and after in the log."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ledger.errors import BadInput, NotAllowed, UnknownId, quoted
from ledger.runs import actor_for
from ledger.transitions import record, rows_for_update, verb
from reviews.models import OutputType, Rendering, TryLimit

TRIES = 3
MOST_TRIES = 20


def find_type(name: str) -> OutputType:
    """What is set for that type; the defaults, not stored, where it is not known."""
    return OutputType.objects.filter(name=name).first() or OutputType(name=name)


@verb
def create_on_first_use(name: str) -> OutputType:
    """The type that an agent is the first to name: all of it is reviewed until somebody says so."""
    found, made = OutputType.objects.get_or_create(name=name)
    if made:
        _record(found, before=None, actor="system")
    return found


@verb
def create(name: str, *, by: Any, share: Any, rendering: str, language: str) -> OutputType:
    """A type before any agent names it. Raises NotAllowed, BadInput."""
    if not by.has_perm("reviews.add_outputtype"):
        raise NotAllowed("Setting what is reviewed is for operators.")
    name = name.strip()
    if not name or OutputType.objects.filter(name=name).exists():
        raise BadInput("name", f"There is an output type {name!r} already, or it has no name.")
    found = OutputType(name=name)
    _set(found, share, rendering, language)
    found.save(force_insert=True)
    _record(found, before=None, actor=actor_for(by))
    return found


@verb
def change(type_id: object, *, by: Any, share: Any, rendering: str, language: str) -> OutputType:
    """Set another share or look. Items that are there keep what they were asked under."""
    if not by.has_perm("reviews.change_outputtype"):
        raise NotAllowed("Setting what is reviewed is for operators.")
    found: OutputType | None = rows_for_update(OutputType).filter(pk=type_id).first()
    if found is None:
        raise UnknownId("output type", type_id)
    before = found.rule
    _set(found, share, rendering, language)
    found.save(update_fields=["share", "rendering", "language"])
    found.refresh_from_db()
    if found.rule != before:
        _record(found, before=before, actor=actor_for(by))
    return found


def _set(found: OutputType, share: Any, rendering: str, language: str) -> None:
    share = Decimal(share).quantize(Decimal("0.01"))
    if not 0 <= share <= 100:
        raise BadInput("share", "From 0 to 100 per cent.")
    if rendering not in Rendering.values:
        raise BadInput("rendering", f"{quoted(rendering)} is no way to show an output.")
    found.share, found.rendering, found.language = share, Rendering(rendering), language.strip()


def _record(found: OutputType, *, before: dict[str, Any] | None, actor: str) -> None:
    record("reviews.type_changed", found.subject, actor=actor, before=before, after=found.rule)


# ---- Tries ----------------------------------------------------------------------------------


def tries_for(agent_id: str) -> int:
    """How often this agent may try before a rejection is final."""
    set_to = TryLimit.objects.filter(agent_id=agent_id).values_list("tries", flat=True).first()
    return TRIES if set_to is None else set_to


@verb
def set_tries(agent_id: str, tries: int, *, by: Any) -> TryLimit:
    """Set how often that agent may try. Raises NotAllowed, BadInput."""
    if not (by.has_perm("reviews.change_trylimit") or by.has_perm("reviews.add_trylimit")):
        raise NotAllowed("Setting how often an agent may try is for operators.")
    if not 1 <= tries <= MOST_TRIES:
        raise BadInput("tries", f"From 1 to {MOST_TRIES}.")
    found: TryLimit | None = rows_for_update(TryLimit).filter(agent_id=agent_id).first()
    before = None if found is None else found.tries
    limit, _ = TryLimit.objects.update_or_create(agent_id=agent_id, defaults={"tries": tries})
    if before != tries:
        record(
            "reviews.tries_changed",
            limit.subject,
            actor=actor_for(by),
            agent_id=agent_id,
            before=before,
            after=tries,
        )
    return limit
