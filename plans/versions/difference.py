"""Differences between two lists of steps: by the steps' identity, never by their position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plans.versions.steps import Step

FIELDS = ("title", "does", "actions", "risk", "undoable", "person", "asks")
TEXTS = ("title", "does", "asks")
FILLERS = {"a", "an", "the", "please"}
OPENS, CLOSES = "“‘\"'([", "”’\"')],;:!?."
WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class StepChange:
    """One step of either version: what it was and what it is.

    `kind` is added, removed, changed, moved or same; a changed step may have moved as well.
    """

    kind: str
    before: Step | None
    after: Step | None
    moved: bool = False
    fields: tuple[str, ...] = ()

    @property
    def step(self) -> Step:
        """As it is, or was."""
        found = self.after or self.before
        assert found is not None  # noqa: S101  # one of both is there
        return found

    @property
    def was(self) -> dict[str, Any]:
        """The changed fields before, for the table of a difference."""
        return self._pick_fields(self.before)

    @property
    def now(self) -> dict[str, Any]:
        """The changed fields after."""
        return self._pick_fields(self.after)

    def _pick_fields(self, step: Step | None) -> dict[str, Any]:
        if step is None:
            return {}
        return {name: step.serialize()[name] for name in self.fields}


def difference(before: Sequence[Step], after: Sequence[Step]) -> list[StepChange]:
    """Every step of `after` in its order, then those that are gone."""
    old = {step.id: step for step in before}
    now = {step.id for step in after}
    stayed = _find_unmoved(
        [s.id for s in before if s.id in now], [s.id for s in after if s.id in old]
    )
    found = [_compare(old.get(step.id), step, step.id not in stayed) for step in after]
    gone = [StepChange("removed", step, None) for step in before if step.id not in now]
    return [*found, *gone]


def _compare(before: Step | None, after: Step, moved: bool) -> StepChange:
    if before is None:
        return StepChange("added", None, after)
    fields = tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))
    kind = "changed" if fields else "moved" if moved else "same"
    return StepChange(kind, before, after, moved, fields)


def _find_unmoved(before: list[str], after: list[str]) -> set[str]:
    """The longest run of steps that stand in the same order in both: the others have moved."""
    best: list[list[str]] = []
    place = {identity: n for n, identity in enumerate(before)}
    for identity in after:
        earlier = [chain for chain in best if place[chain[-1]] < place[identity]]
        best.append([*_longest(earlier), identity])
    return set(_longest(best))


def _longest(chains: list[list[str]]) -> list[str]:
    return max(chains, key=lambda chain: len(chain), default=[])


def is_material(before: Sequence[Step], after: Sequence[Step]) -> bool:
    """Whether more than wording is different: then what was accepted is not what would be done."""
    if [step.id for step in before] != [step.id for step in after]:
        return True
    return any(_differs(old, new) for old, new in zip(before, after, strict=True))


def _differs(before: Step, after: Step) -> bool:
    plain = (name for name in FIELDS if name not in TEXTS)
    if any(getattr(before, name) != getattr(after, name) for name in plain):
        return True
    return any(
        split_words(getattr(before, name)) != split_words(getattr(after, name)) for name in TEXTS
    )


def split_words(text: str) -> list[str]:
    """A text as the words that say something: without case, articles and marks around words."""
    words = [word.lstrip(OPENS).rstrip(CLOSES).casefold() for word in WORD.findall(text)]
    return [word for word in words if word and word not in FILLERS]
