"""Differences between the arguments of two revisions, line by line and within the lines."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from pages.rendering.arguments import plain
from pages.rendering.comparing import Matcher, TooMuch, Work
from pages.rendering.marks import Wrap, mark

MAX_LINES = 2_000  # above, before and after are shown whole, one after the other
MAX_TOKENS = 400  # above, a line is marked whole
MAX_WORK = 2_000_000  # pairs compared in one difference; above, lines are marked whole

_CONTEXT = 3  # unchanged lines around a change
_ALIKE = 0.3  # lines that have less in common are marked whole
_APART = 3  # characters between two changes in a line that keep them apart
_TOKEN = re.compile(r"\s*\w+|\s+|.", re.DOTALL)
_SIGNS = {"del": "−", "ins": "+", "same": ""}


@dataclass(frozen=True)
class Row:
    """One line: `kind` is del, ins or same; `html` is ready to print, with all marks in it."""

    kind: str
    number: int  # in the text before for del, after for the others; from 1
    html: SafeString

    @property
    def sign(self) -> str:
        """What stands before the line, so that it reads without colour."""
        return _SIGNS[self.kind]


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines of one argument; `where` is "", "added", "removed" or "lines 8 to 14"."""

    name: SafeString
    where: str
    rows: list[Row]


def find_changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of arguments that were added, removed or changed, sorted."""
    return [
        name
        for name in sorted({*before, *after})
        if name not in before or name not in after or _json(before[name]) != _json(after[name])
    ]


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Hunk]:
    """The changed arguments as hunks, by name; unchanged lines away from a change are left out."""
    work = Work(MAX_WORK)
    return [
        hunk
        for name in find_changed_keys(before, after)
        for hunk in _hunks(name, before, after, work)
    ]


def _hunks(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], work: Work
) -> Iterator[Hunk]:
    label = mark(name)
    if name not in before:
        rows = [Row("ins", n, _whole(t, "ins")) for n, t in _numbered(plain(after[name]))]
        yield Hunk(label, "added", rows)
    elif name not in after:
        rows = [Row("del", n, _whole(t, "del")) for n, t in _numbered(plain(before[name]))]
        yield Hunk(label, "removed", rows)
    else:
        old, new = _comparable(before[name], after[name])
        for group in _groups(old, new, work):
            yield Hunk(label, _where(group, len(new)), list(_rows(group, old, new, work)))


def _comparable(before: Any, after: Any) -> tuple[list[str], list[str]]:
    """Both values as lines; as JSON if they would look the same otherwise (3 and "3")."""
    old, new = plain(before), plain(after)
    if old == new:
        old, new = _json(before), _json(after)
    return old.split("\n"), new.split("\n")


# One step from old to new: what to do, from–to in old, from–to in new (as difflib has it).
_Step = tuple[str, int, int, int, int]


def _groups(old: list[str], new: list[str], work: Work) -> list[list[_Step]]:
    """The changes with the lines around them; all at once where that is too much to compare."""
    if max(len(old), len(new)) <= MAX_LINES:
        with contextlib.suppress(TooMuch):
            matcher = Matcher(old, new, work, autojunk=True)  # keeps frequent lines cheap
            return [list(group) for group in matcher.get_grouped_opcodes(_CONTEXT)]
    return [[("replace", 0, len(old), 0, len(new))]]


def _where(group: list[_Step], total: int) -> str:
    first, last = group[0][3] + 1, group[-1][4]
    if total == 1:
        return ""
    return f"line {last}" if first >= last else f"lines {first:,} to {last:,}"


def _rows(group: list[_Step], old: list[str], new: list[str], work: Work) -> Iterator[Row]:
    for what, a, b, c, d in group:
        if what == "equal":
            yield from (Row("same", n + 1, mark(new[n])) for n in range(c, d))
            continue
        pairs = dict(zip(range(a, b), range(c, d), strict=False)) if b - a == d - c else {}
        compared = {i: _within(old[i], new[j], work) for i, j in pairs.items()}
        inserted = {pairs[i]: html for i, (_, html) in compared.items()}
        for i in range(a, b):
            yield Row("del", i + 1, compared[i][0] if i in compared else _whole(old[i], "del"))
        for j in range(c, d):
            yield Row("ins", j + 1, inserted[j] if j in inserted else _whole(new[j], "ins"))


def _within(old: str, new: str, work: Work) -> tuple[SafeString, SafeString]:
    """Two lines with the words marked in which they differ."""
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    changes = _compared(a, b, work)
    if changes is None:
        return _whole(old, "del"), _whole(new, "ins")
    starts_a, starts_b = _starts(a), _starts(b)
    gone: list[Wrap] = [(starts_a[i], starts_a[j], "del") for i, j, _, _ in changes]
    come: list[Wrap] = [(starts_b[k], starts_b[m], "ins") for _, _, k, m in changes]
    return mark(old, wraps=gone), mark(new, wraps=come)


def _compared(old: list[str], new: list[str], work: Work) -> list[list[int]] | None:
    """The changes; None where there is too little in common, or too much to compare."""
    if max(len(old), len(new)) > MAX_TOKENS:
        return None
    matcher = Matcher(old, new, work, autojunk=False)
    try:
        return _changes(matcher, old) if matcher.ratio() >= _ALIKE else None
    except TooMuch:
        return None


def _changes(matcher: Matcher, old: list[str]) -> list[list[int]]:
    """From–to in old and new tokens; changes that only a sign or two parts are one."""
    changes: list[list[int]] = []
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            continue
        if changes and len("".join(old[changes[-1][1] : i])) < _APART:
            changes[-1][1::2] = [j, m]
        else:
            changes.append([i, j, k, m])
    return changes


def _starts(tokens: list[str]) -> list[int]:
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token))
    return starts


def _whole(line: str, tag: str) -> SafeString:
    return mark(line, wraps=[(0, len(line), tag)])


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.split("\n"), start=1)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
