"""All the figures of the statistics page, for one person: read once, as tiles and as tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q

from dashboard.statistics import tables
from dashboard.statistics.query import SEES_REVIEWERS, Asked
from dashboard.statistics.tables import group_by_value
from figures.numbers import Numbers
from figures.reading import Figures, Wanted, read
from figures.slots import begins
from ledger.statements.prepared import Values, slot, union, whole
from pages import patterns
from pages.statistics import words
from pages.statistics.section import Section, Stretch, Table, Tile, share

ALONE = ("", "agent", "type", "risk", "rule", "reviewer")
TOGETHER = "all reviewers together"
WITH_AGENT = Q(run__status="waiting")


class Report:
    """The figures that were asked for, up to this moment."""

    def __init__(self, asked: Asked, user: User) -> None:
        self.asked, self.user = asked, user
        names = [each.pattern for each in asked.patterns]
        spans = [(step.start, step.end) for step in asked.range.steps]
        found = read(
            Wanted([*spans, asked.range.before], names, [asked.dimension], asked.value),
            Wanted([asked.range.span], names, ALONE),
        )
        self.newest, self.behind = found.newest, found.behind
        (*self._steps, self._before), (self._parts,) = found.figures

    # ---- Sums

    @cached_property
    def whole(self) -> Figures:
        """The figures of the whole range, as narrowed."""
        found: Figures = {}
        for step in self._steps:
            for key, numbers in step.items():
                found.setdefault(key, Numbers()).add(numbers)
        return found

    @property
    def empty(self) -> bool:
        """Whether nothing at all happened in the range."""
        numbers = tables.add_up_patterns(self.whole)
        return not (numbers.decided or numbers["automatic"] or numbers["cancelled"])

    @cached_property
    def agents(self) -> list[str]:
        """The agents about which anything was decided, and the one that is narrowed to."""
        names = set(group_by_value(self._parts, "agent"))
        return sorted(names | ({self.asked.value} if self.asked.dimension == "agent" else set()))

    # ---- Tiles

    def tiles(self) -> Iterator[Tile]:
        """The page's first figures."""
        yield self._make_pending()
        now, before = tables.add_up_patterns(self.whole), tables.add_up_patterns(self._before)
        yield Tile("Decided", words.count(now.decided), words.compare(now.decided, before.decided))
        if self.asked.judges:
            yield from self._list_judged()
        if self.asked.answers:
            yield from self._list_answered()
        timed_out = (now["timed_out"], now.decided), (before["timed_out"], before.decided)
        yield self._part("Timed out", *timed_out)
        calls = now.decided + now["automatic"]
        line = f"{words.percent(share(now['automatic'], calls))} of everything asked"
        yield Tile("By rule", words.count(now["automatic"]), line if calls else "")
        yield self._time("Median to first look", "to_look", now, before)
        yield self._time("Median to decision", "to_decision", now, before)
        for section in self.sections:
            yield from section.tiles

    def _make_pending(self) -> Tile:
        narrowed = {"agent_id": self.asked.value} if self.asked.dimension == "agent" else {}
        found = _open(self._models(), *narrowed)(**narrowed)
        rows, waiting = map(sum, zip(*found, strict=True))
        return Tile("Pending", words.count(rows), f"{words.count(waiting)} with an agent waiting")

    def _models(self) -> tuple[Any, ...]:
        names = {each.pattern for each in self.asked.patterns}
        models = (each.pattern.model for each in patterns.list_pages())
        return tuple(model for model in models if model._meta.app_label in names)

    def _list_judged(self) -> Iterator[Tile]:
        judges = self.asked.judges
        now, before = (
            tables.add_up_patterns(self.whole, judges),
            tables.add_up_patterns(self._before, judges),
        )
        rates = share(now.yes, now.judged), share(before.yes, before.judged)
        line = ", ".join(filter(None, (words.count(now.yes), words.points(*rates))))
        yield Tile("Approval rate", words.percent(rates[0]), line)
        for name, column in (("Rejected", "rejected"), ("Needs revision", "revision")):
            yield self._part(name, (now[column], now.judged), (before[column], before.judged))

    def _part(self, name: str, now: tuple[int, int], before: tuple[int, int]) -> Tile:
        """A share of a whole, each given as part and whole."""
        rate, was = share(*now), share(*before)
        line = ", ".join(filter(None, (words.count(now[0]), words.points(rate, was))))
        return Tile(name, words.percent(rate), line)

    def _list_answered(self) -> Iterator[Tile]:
        answers = self.asked.answers
        now, before = (
            tables.add_up_patterns(self.whole, answers),
            tables.add_up_patterns(self._before, answers),
        )
        line = words.compare(now["answered"], before["answered"])
        yield Tile("Answered", words.count(now["answered"]), line)
        if alone := self.asked.only_answers:
            both = (
                tables.add_up_patterns(self.whole, alone),
                tables.add_up_patterns(self._before, alone),
            )
            left, was = (each["dismissed"] + each["timed_out"] for each in both)
            line = words.compare(left, was)
            names = [each.title for each in self.asked.patterns if each.pattern in alone]
            yield Tile(f"{' and '.join(names)} left uncertain", words.count(left), line)

    def _time(self, name: str, column: str, now: Numbers, before: Numbers) -> Tile:
        median = now.percentile(column, 0.5)
        against = words.against(median, before.percentile(column, 0.5))
        within = now.percentile(column, 0.95)
        line = "" if within is None else f"95 % within {words.took(within)}"
        return Tile(name, words.took(median), "; ".join(filter(None, (line, against))))

    # ---- Tables

    def charts(self) -> Iterator[Table]:
        """The tables that charts are drawn from."""
        unit = self.asked.range.unit
        steps = self._label_steps()
        yield tables.decisions(
            unit,
            steps,
            judged=bool(self.asked.judges),
            answered=bool(self.asked.answers),
            dismissed=bool(self.asked.only_answers),
        )
        yield tables.times(
            unit,
            steps,
            "to_decision",
            "Minutes to a decision",
            "From the question to the decision, where a person decided.",
        )
        yield tables.times(
            unit,
            steps,
            "to_look",
            "Minutes to a first look",
            "From the question until somebody who may decide had it in sight. Pages without JavaScript "
            "do not tell.",
        )
        if not self.asked.dimension:
            yield self._care()
        for section in self.sections:
            yield from section.charts

    @cached_property
    def sections(self) -> list[Section]:
        """What each of the patterns adds, in their order."""
        start, end = map(begins, self.asked.range.span)
        stretch = Stretch(
            start=start,
            end=end,
            unit=self.asked.range.unit,
            steps=self._label_steps(),
            now=tables.add_up_patterns(self.whole),
            before=tables.add_up_patterns(self._before),
            by_agent=group_by_value(self._parts, "agent"),
            dimension=self.asked.dimension,
            value=self.asked.value,
        )
        known = {each.app: each for each in patterns.list_pages()}
        return [known[each.pattern].statistics(stretch) for each in self.asked.patterns]

    def _label_steps(self) -> dict[str, Numbers]:
        """The figures of each step of the range by its label."""
        labels = [step.label for step in self.asked.range.steps]
        return dict(zip(_tell_apart(labels), map(tables.add_up_patterns, self._steps), strict=True))

    def _care(self) -> Table:
        own = group_by_value(self._parts, "reviewer").get(self.user.get_username())
        return tables.care(own, add_up_parts(self._parts))

    def breakdowns(self) -> Iterator[Table]:
        """By agent, risk, type, reviewer and rule, unless it is narrowed to one; the rest."""
        if not self.asked.dimension:
            yield from self._list_breakdowns()
        for section in self.sections:
            yield from section.tables

    def _list_breakdowns(self) -> Iterator[Table]:
        if len(self.asked.patterns) > 1:
            rows = {
                each.title: tables.add_up_patterns(self._parts_of(""), [each.pattern])
                for each in self.asked.patterns
            }
            yield tables.breakdown("pattern", "By pattern", "Pattern", rows)
        yield self._break_down("agent", "By agent", "Agent")
        yield self._break_down("risk", "By risk level", "Risk")
        yield self._break_down("type", "By type", "Action, reason or output")
        yield tables.breakdown("reviewer", "By reviewer", "Reviewer", self._reviewers())
        everything = add_up_parts(self._parts)
        rules = group_by_value(self._parts, "rule")
        yield tables.tabulate_rules(rules, everything.decided + everything["automatic"])

    def _break_down(self, dimension: str, title: str, column: str) -> Table:
        return tables.breakdown(dimension, title, column, group_by_value(self._parts, dimension))

    def _parts_of(self, dimension: str) -> Figures:
        return {key: each for key, each in self._parts.items() if key[1] == dimension}

    def _reviewers(self) -> dict[str, Numbers]:
        """By name for whoever may see that; for others themselves, and all together."""
        found = group_by_value(self._parts, "reviewer")
        if self.user.has_perm(SEES_REVIEWERS):
            return found
        own = self.user.get_username()
        rows = {own: found[own]} if own in found else {}
        return rows | ({TOGETHER: tables.add_up(found.values())} if found else {})

    def tables(self) -> list[Table]:
        """All of them."""
        return [*self.charts(), *self.breakdowns()]


@cache
def _open(models: tuple[Any, ...], narrowed: str = "") -> Values:
    """What is open of each model and with how many of it an agent waits; of one agent, if so."""

    def figures(model: Any) -> Any:
        rows = model.objects.open()
        if narrowed:
            rows = rows.filter(**{narrowed: slot(model, narrowed)})
        return whole(rows, Count("pk"), Count("pk", filter=WITH_AGENT))

    return Values(lambda: union(map(figures, models), all=True))


def add_up_parts(parts: Figures) -> Numbers:
    """The figures of everything, among figures by dimension."""
    return tables.add_up(each for key, each in parts.items() if key[1] == "")


def _tell_apart(labels: list[str]) -> list[str]:
    """The same labels, none twice: an hour comes again where the clocks are put back."""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} again")
    return found
