"""Plans on the statistics page: rounds until acceptance, what people edited, waiting and working."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pages.statistics import words
from pages.statistics.section import (
    UNITS,
    Cell,
    Column,
    Counts,
    Section,
    Stretch,
    Table,
    Tile,
    share,
)


def report(stretch: Stretch) -> Section:
    """All of it, if a plan was accepted or has ended in that time."""
    if not _has_any(stretch.now):
        return Section()
    return Section(
        tiles=list(_tiles(stretch.now, stretch.before)),
        charts=list(_charts(stretch.unit, stretch.steps)),
        tables=[] if stretch.dimension else [_tabulate_agents(stretch.by_agent)],
    )


def _has_any(numbers: Counts) -> bool:
    return bool(numbers["plans_accepted"] or numbers["plans_ended"])


def _rounds(numbers: Counts) -> float | None:
    return share(numbers["rounds"], numbers["plans_accepted"])


def _compute_edited(numbers: Counts) -> float | None:
    return share(numbers["steps_edited"], numbers["steps"])


def _compute_waiting(numbers: Counts) -> float | None:
    return share(numbers["waited_ms"], numbers["waited_ms"] + numbers["worked_ms"])


def _tiles(now: Counts, before: Counts) -> Iterator[Tile]:
    """The figures of the range, each with a line against the time before."""
    rounds, was = _rounds(now), _rounds(before)
    plans = now["plans_accepted"]
    said = f"{words.count(plans)} plan{'' if plans == 1 else 's'} accepted" if plans else ""
    past = "" if rounds is None or was is None else f"{words.mean(was)} before"
    yield Tile("Rounds until acceptance", words.mean(rounds), _line(said, past))
    edited = _compute_edited(now)
    said = f"{words.count(now['steps_edited'])} of {words.count(now['steps'])}"
    past = words.points(edited, _compute_edited(before))
    yield Tile("Steps edited", words.percent(edited), _line(said if now["steps"] else "", past))
    waiting = _compute_waiting(now)
    said = f"{words.took(now['waited_ms'] / 1000)} against {words.took(now['worked_ms'] / 1000)} working"
    past = words.points(waiting, _compute_waiting(before))
    said = "" if waiting is None else said
    yield Tile("Plans waiting for people", words.percent(waiting), _line(said, past))


def _line(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _charts(unit: str, steps: Mapping[str, Counts]) -> Iterator[Table]:
    """Each of the three over time."""
    first = Column(unit, UNITS[unit], "text")
    rounds = Column("rounds", "Rounds on average", "mean", "ink")
    yield Table(
        "plan_rounds",
        "Rounds until acceptance",
        [first, rounds, Column("accepted", "Plans accepted")],
        [[label, _rounds(each), each["plans_accepted"]] for label, each in steps.items()],
        "How often the agent made another version before people first accepted a plan; on average, "
        "by the time of the acceptance.",
        chart="bars",
    )
    edited = Column("edited", "Edited by people", "share", "revise")
    yield Table(
        "plan_edits",
        "Steps edited by people",
        [first, edited, Column("edited_count", "Edited"), Column("steps", "Steps")],
        [
            [label, _compute_edited(each), each["steps_edited"], each["steps"]]
            for label, each in steps.items()
        ],
        "Of the steps of plans as they were first accepted, the share that people had added or "
        "changed.",
        chart="bars",
    )
    yield Table(
        "plan_time",
        "Minutes that plans waited and worked",
        [
            first,
            Column("waited", "Waiting for people", "minutes", "wait"),
            Column("worked", "Working", "minutes", "ink2"),
            Column("ended", "Plans ended"),
        ],
        [
            [label, *_minutes(each, "waited_ms", "worked_ms"), each["plans_ended"]]
            for label, each in steps.items()
        ],
        "The lives of the plans that came to their end, or were stopped, in this time: with "
        "something before people, and the rest. A plan whose run was cancelled or failed is not counted.",
        chart="bars",
    )


def _minutes(numbers: Counts, *names: str) -> list[Cell]:
    """None where no plan ended, so that there is nothing to see."""
    return [numbers[name] / 60_000 if numbers["plans_ended"] else None for name in names]


def _tabulate_agents(rows: Mapping[str, Counts]) -> Table:
    """All of it for each agent that has plans."""
    columns = [
        Column("agent", "Agent", "text"),
        Column("accepted", "Accepted"),
        Column("rounds", "Rounds", "mean"),
        Column("steps", "Steps"),
        Column("edited", "Edited", "share"),
        Column("ended", "Ended"),
        Column("waited", "Waited", "took"),
        Column("worked", "Worked", "took"),
    ]
    cells = [[name, *_list_cells(each)] for name, each in rows.items() if _has_any(each)]
    return Table("plan_agents", "Plans by agent", columns, cells, links="agent")


def _list_cells(each: Counts) -> list[Cell]:
    ended = bool(each["plans_ended"])
    return [
        each["plans_accepted"],
        _rounds(each),
        each["steps"],
        _compute_edited(each),
        each["plans_ended"],
        each["waited_ms"] / 1000 if ended else None,
        each["worked_ms"] / 1000 if ended else None,
    ]
