"""Calibration on the statistics page: how sure agents said they were, against what people say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.urls import reverse

from escalations.pages.calibration import Bin, Marked, bins_of, gap_of, read_marked
from pages.statistics.section import Cell, Column, Section, Stretch, Table

NARROWED = {"": "", "agent": "agent_id", "type": "type", "risk": "risk_level"}
CAPTION = (
    "How sure agents said they were, against how much of it was right by what people marked; of "
    "questions that ended in this time. A well calibrated agent lies on the dashed line: of what "
    "it is 60 % sure of, 60 % is right. The bars are 95 % intervals; partly right counts a half."
)


def report(stretch: Stretch) -> Section:
    """The diagram's table, and the figures by agent and type; nothing where nothing is marked."""
    if stretch.dimension not in NARROWED:
        return Section()
    narrowed = {NARROWED[stretch.dimension]: stretch.value} if stretch.dimension else {}
    found = read_marked(stretch.start, stretch.end, **narrowed)
    if not found:
        return Section()
    return Section(charts=[_diagram(bins_of(found))], tables=[_tabulate_agents(found)])


def _diagram(bins: Sequence[Bin]) -> Table:
    columns = [
        Column("confidence", "Stated", "text"),
        Column("stated", "Stated on average", "share"),
        Column("right", "Right", "share"),
        Column("from", "95 % from", "share"),
        Column("to", "to", "share"),
        Column("attempts", "Attempts"),
    ]
    rows: list[list[Cell]] = [
        [_name_bin(each), each.stated, each.right, *each.surely, each.count] for each in bins
    ]
    return Table(
        "calibration",
        "Calibration",
        columns,
        rows,
        CAPTION,
        chart="reliability",
        more=(reverse("escalations:calibration"), "Each agent by itself, with thresholds"),
    )


def _name_bin(each: Bin) -> str:
    return f"{each.low * 100:.0f} to {each.high * 100:.0f} %"


def _tabulate_agents(found: Sequence[Marked]) -> Table:
    columns = [
        Column("agent", "Agent", "text"),
        Column("type", "Type", "text"),
        Column("attempts", "Attempts"),
        Column("stated", "Stated on average", "share"),
        Column("right", "Right", "share"),
        Column("apart", "Apart on average", "share"),
    ]
    rows = [_row(*pair, list(each)) for pair, each in groupby(found, _pair)]
    return Table(
        "calibration_agents", "Calibration by agent and type", columns, rows, links="agent"
    )


def _pair(each: Marked) -> tuple[str, str]:
    return each.agent_id, each.type


def _row(agent: str, type: str, found: Sequence[Marked]) -> list[Cell]:
    count = sum(each.count for each in found)
    stated = sum(each.stated for each in found) / count
    right = sum(each.right for each in found) / count
    return [agent, type, count, stated, right, gap_of(bins_of(found))]
