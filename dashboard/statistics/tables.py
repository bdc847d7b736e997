"""The figures that all patterns have, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from figures.numbers import CARE, Numbers
from figures.reading import Figures
from pages.statistics.section import UNITS, Cell, Column, Table, share


def add_up(figures: Iterable[Numbers]) -> Numbers:
    """All of them together."""
    found = Numbers()
    for each in figures:
        found.add(each)
    return found


def add_up_patterns(figures: Figures, patterns: Iterable[str] | None = None) -> Numbers:
    """All figures of some patterns together; None: of all."""
    wanted = None if patterns is None else set(patterns)
    return add_up(each for key, each in figures.items() if wanted is None or key[0] in wanted)


def group_by_value(figures: Figures, dimension: str) -> dict[str, Numbers]:
    """The figures of each value of a dimension, those of most decisions first."""
    found: dict[str, Numbers] = {}
    for (_, name, value), each in figures.items():
        if name == dimension:
            found.setdefault(value, Numbers()).add(each)
    return dict(sorted(found.items(), key=lambda pair: (-_size(pair[1]), pair[0])))


def _size(numbers: Numbers) -> int:
    return numbers.decided + numbers["automatic"]


# ---- Over time

JUDGED = (
    Column("approved", "Approved", hue="yes"),
    Column("rejected", "Rejected", hue="no"),
    Column("revision", "Needs revision", hue="revise"),
)
ANSWERED = (
    Column("answered", "Answered", hue="wait"),
    Column("dismissed", "Dismissed", hue="ink2"),
)
TIMED_OUT = Column("timed_out", "Timed out", hue="edge")


def _get_count(numbers: Numbers, column: str) -> int:
    return numbers.yes if column == "approved" else numbers[column]


def decisions(
    unit: str, steps: Mapping[str, Numbers], *, judged: bool, answered: bool, dismissed: bool
) -> Table:
    """Decisions by their outcome, over time; with the outcomes that these patterns have."""
    columns = [
        *(JUDGED if judged else ()),
        *(ANSWERED[:1] if answered else ()),
        *(ANSWERED[1:] if dismissed else ()),
        TIMED_OUT,
    ]
    rows: list[list[Cell]] = [
        [label, *(_get_count(numbers, column.name) for column in columns)]
        for label, numbers in steps.items()
    ]
    return Table(
        "decisions",
        f"Decisions per {unit}",
        [Column(unit, UNITS[unit], "text"), *columns],
        rows,
        "By people; what a rule let through is not counted here.",
        chart="bars",
    )


def times(unit: str, steps: Mapping[str, Numbers], name: str, title: str, caption: str) -> Table:
    """The median and the 95th percentile of a time, over time, in minutes."""
    columns = [
        Column(unit, UNITS[unit], "text"),
        Column("median", "Median", "minutes"),
        Column("percentile_95", "95th percentile", "minutes"),
    ]
    rows = [
        [label, *(_minutes(numbers.percentile(name, part)) for part in (0.5, 0.95))]
        for label, numbers in steps.items()
    ]
    return Table(name, title, columns, rows, f"{caption} Percentiles are at most 2 % off.", "lines")


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


# ---- By what it is about

BREAKDOWN = (
    Column("decided", "Decided"),
    Column("approved", "Approved", "share"),
    Column("rejected", "Rejected"),
    Column("revision", "Revision"),
    Column("answered", "Answered"),
    Column("timed_out", "Timed out"),
    Column("automatic", "By rule"),
    Column("first_look", "First look", "took"),
    Column("median", "Median", "took"),
    Column("percentile_95", "95 %", "took"),
)


def breakdown(name: str, title: str, column: str, rows: Mapping[str, Numbers]) -> Table:
    """One row for each agent, risk level, …"""
    return Table(
        name,
        title,
        [Column(name, column, "text"), *BREAKDOWN],
        [[value, *_list_breakdown(numbers)] for value, numbers in rows.items()],
        links=name,
    )


def _list_breakdown(numbers: Numbers) -> list[Cell]:
    return [
        numbers.decided,
        share(numbers.yes, numbers.judged),
        numbers["rejected"],
        numbers["revision"],
        numbers["answered"],
        numbers["timed_out"],
        numbers["automatic"],
        numbers.percentile("to_look", 0.5),
        numbers.percentile("to_decision", 0.5),
        numbers.percentile("to_decision", 0.95),
    ]


def tabulate_rules(rows: Mapping[str, Numbers], all_calls: int) -> Table:
    """What each rule decided by itself."""
    columns = [
        Column("rule", "Rule", "text"),
        Column("automatic", "Decided"),
        Column("share", "Of everything asked", "share"),
    ]
    counted = {name: numbers["automatic"] for name, numbers in rows.items()}
    cells = [[name, count, share(count, all_calls)] for name, count in counted.items() if count]
    return Table("rule", "By rule", columns, cells, links="rule")


# ---- Reading care


def care(own: Numbers | None, everyone: Numbers) -> Table:
    """How long pages were open before their readers decided; `own`: the reader's own figures."""
    people = {"you": own} if own is not None else {}
    people |= {"everyone": everyone}
    titles = {"you": ("You", "ink"), "everyone": ("Everyone", "edge")}
    shares = [Column(name, titles[name][0], "share", titles[name][1]) for name in people]
    counts = [Column(f"{name}_count", f"{titles[name][0]}, decisions") for name in people]
    rows: list[list[Cell]] = []
    for column, _, words in CARE:
        numbers = list(people.values())
        parts = [share(each[column], each.readings) for each in numbers]
        rows.append([words, *parts, *(each[column] for each in numbers)])
    return Table(
        "care",
        "Your reading care" if own is not None else "Reading care",
        [Column("open", "Open for", "text"), *shares, *counts],
        rows,
        _care_caption(own is not None),
        chart="care",
        notes=[_pace(titles[name][0], each) for name, each in people.items() if each.readings],
    )


def _care_caption(own: bool) -> str:
    if own:
        return (
            "How long a request was open and in sight before you decided, against all reviewers "
            "together. Only you see your bars."
        )
    return (
        "How long requests were open and in sight before they were decided, all reviewers together."
    )


def _pace(who: str, numbers: Numbers) -> str:
    """A sentence on the time for the length of what was read."""
    whole = share(numbers["read_whole"], numbers.readings)
    hasty = share(numbers["open_2"], numbers.readings)
    seconds = numbers.percentile("pace", 0.5)
    pace = "" if seconds is None else f"{seconds:.1f} s for 1,000 characters (median), "
    return (
        f"{who}: {pace}{_percent(whole)} seen to the end, "
        f"{_percent(hasty)} decided in under two seconds."
    )


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part * 100:.1f} %"


def plain(table: Table) -> dict[str, Any]:
    """The table as JSON has it: shares from 0 to 1, times in seconds or minutes as named."""
    rows = [dict(zip(names(table), row, strict=True)) for row in table.rows]
    return {"title": table.title, "rows": rows}


def names(table: Table) -> list[str]:
    """What files call the columns, with the unit."""
    return [_name_column(column) for column in table.columns]


def _name_column(column: Column) -> str:
    suffix = {"minutes": "_minutes", "took": "_seconds", "share": "_share"}.get(column.kind, "")
    return column.name if column.name.endswith("share") else f"{column.name}{suffix}"
