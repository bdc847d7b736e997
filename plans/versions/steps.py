"""Steps of a plan: checked, and changed in a list without touching what is locked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ledger import canonical
from ledger.errors import BadInput, quoted
from ledger.risk import RiskLevel

MAX_STEPS = 50
MAX_TITLE = 200  # characters
MAX_TEXT = 4_000  # characters of what will be done, or of what is asked


@dataclass(frozen=True)
class Step:
    """One step. `id` is its identity in every version; "" while it has none yet."""

    id: str
    title: str
    does: str = ""
    actions: tuple[str, ...] = ()
    risk: str = RiskLevel.LOW.value
    undoable: bool | None = None
    person: bool = False
    asks: str = ""
    note: str = ""

    def serialize(self) -> dict[str, Any]:
        """For the journal and for models."""
        return {**asdict(self), "actions": list(self.actions)}


def check_step(step: Step, known: Sequence[Mapping[str, Any]], field: str = "") -> Step:
    """The step with the risk that its actions bring along, or BadInput naming what is wrong.

    `known` are the plan's actions, each with name, risk and undoable. `field` prefixes the names
    of fields in errors.
    """
    title = " ".join(step.title.split())
    if not title:
        raise BadInput(f"{field}title", "A step needs a title.")
    _check_length(f"{field}title", title, MAX_TITLE)
    _check_length(f"{field}does", step.does, MAX_TEXT)
    _check_length(f"{field}asks", step.asks, MAX_TEXT)
    risk = RiskLevel.parse(step.risk, f"{field}risk")
    by_name = {each["name"]: each for each in known}
    for name in step.actions:
        if name not in by_name:
            there = ", ".join(by_name) or "none"
            raise BadInput(
                f"{field}actions", f"There is no action {quoted(name)}; there are: {there}."
            )
        risk = RiskLevel.higher(risk, RiskLevel(by_name[name]["risk"]))
    undoable = all(by_name[name]["undoable"] for name in step.actions) if step.actions else None
    return replace(
        step,
        title=title,
        does=step.does.strip(),
        asks=step.asks.strip() if step.person else "",
        actions=tuple(dict.fromkeys(step.actions)),
        risk=risk.value,
        undoable=undoable,
    )


def _check_length(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise BadInput(field, f"Longer than {longest:,} characters. Nothing was changed.")
    canonical.canonical(text, field)


# ---- Changes that people make


@dataclass(frozen=True)
class SetStep:
    """Give a step other contents; its identity stays."""

    step: Step


@dataclass(frozen=True)
class AddStep:
    """Put a new step at the end."""

    step: Step


@dataclass(frozen=True)
class DeleteStep:
    id: str


@dataclass(frozen=True)
class MoveStep:
    """Let a step change places with its neighbour: `by` is -1 (up) or 1 (down)."""

    id: str
    by: int


Change = SetStep | AddStep | DeleteStep | MoveStep


def apply_changes(
    steps: Sequence[Step],
    changes: Iterable[Change],
    locked: Collection[str],
    new_id: Callable[[], str],
) -> tuple[list[Step], list[str]]:
    """The steps after these changes, and each change in words. BadInput for what cannot be."""
    found, words = list(steps), []
    for change in changes:
        words.append(_apply(found, change, locked, new_id))
    if not found:
        raise BadInput("steps", "A plan needs at least one step. Stop the plan instead.")
    if len(found) > MAX_STEPS:
        raise BadInput("steps", f"More than {MAX_STEPS} steps. Nothing was changed.")
    return found, words


def _apply(
    steps: list[Step], change: Change, locked: Collection[str], new_id: Callable[[], str]
) -> str:
    if isinstance(change, AddStep):
        steps.append(replace(change.step, id=new_id(), note=""))
        return f"added “{change.step.title}”"
    identity = change.step.id if isinstance(change, SetStep) else change.id
    at = next((n for n, step in enumerate(steps) if step.id == identity), None)
    if at is None:
        raise BadInput("steps", "This step is not in the plan any more.")
    if identity in locked:
        raise BadInput("steps", f"“{steps[at].title}” is locked: it was begun or is finished.")
    if isinstance(change, SetStep):
        steps[at] = replace(change.step, note="")
        return f"changed “{change.step.title}”"
    if isinstance(change, DeleteStep):
        return f"deleted “{steps.pop(at).title}”"
    return _move(steps, at, change.by, locked)


def _move(steps: list[Step], at: int, by: int, locked: Collection[str]) -> str:
    to, word = at + by, "up" if by < 0 else "down"
    if not 0 <= to < len(steps) or steps[to].id in locked:
        raise BadInput("steps", f"“{steps[at].title}” cannot be moved further {word}.")
    steps[at], steps[to] = steps[to], steps[at]
    return f"moved “{steps[to].title}” {word}"


# ---- What the agent gives


def merge(
    current: Sequence[Step],
    given: Sequence[Step],
    locked: Collection[str],
    new_id: Callable[[], str],
) -> list[Step]:
    """The agent's steps as the next version: locked ones as they are and first, identities kept.

    An identity that the plan does not have, or that stands twice, is a new step.
    """
    known, seen = {step.id for step in current}, set(locked)
    found = [step for step in current if step.id in locked]
    for step in given:
        if step.id in locked:
            continue
        fresh = step.id not in known or step.id in seen
        found.append(replace(step, id=new_id()) if fresh else step)
        seen.add(found[-1].id)
    return found
