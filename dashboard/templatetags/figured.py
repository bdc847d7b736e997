"""Figures in tables, as their columns say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString

from dashboard import statistics_words as words
from dashboard.marks import mark
from dashboard.statistics_asked import NARROWING, Asked
from dashboard.statistics_report import TOGETHER
from dashboard.statistics_tables import Cell, Column, Table

register = template.Library()

WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "count": words.count,
    "mean": words.mean,
    "share": words.percent,
    "minutes": words.minutes,
    "took": words.took,
}


# Rows are written here and not in a template, which would take most of the page's time for them.


@register.simple_tag
def cells(table: Table, row: Sequence[Cell]) -> SafeString:
    """The row's cells after its name."""
    pairs = zip(table.columns[1:], row[1:], strict=True)
    return SafeString("".join(_cell(cell, column) for column, cell in pairs))  # escaped below


@register.simple_tag
def rows(table: Table) -> SafeString:
    """All rows of a table whose names are ours."""
    named = (
        f'<tr><th scope="row">{escape(str(row[0]))}</th>{cells(table, row)}</tr>'
        for row in table.rows
    )
    return SafeString("".join(named))


def _cell(cell: Cell, column: Column) -> str:
    if column.kind == "text":
        return f"<td>{mark(str(cell))}</td>"
    return f'<td class="num">{escape(WRITTEN[column.kind](cell))}</td>'


@register.filter
def number(value: int) -> str:
    """1,198"""
    return words.count(value)


@register.simple_tag
def asked_query(asked: Asked, **other: str) -> str:
    """What is asked for as a query string, with some of it otherwise."""
    return asked.query(**other)


@register.simple_tag
def narrowing(asked: Asked, table: Table, value: str) -> str:
    """The query string that narrows to this row; "" for a row that cannot be narrowed to."""
    if table.links not in NARROWING or value == TOGETHER:
        return ""
    return asked.query(**{table.links: value})


@register.simple_tag
def everything(asked: Asked) -> str:
    """The query string that narrows to nothing."""
    return asked.query(**dict.fromkeys(NARROWING, ""))
