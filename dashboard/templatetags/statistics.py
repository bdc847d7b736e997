"""Figures in tables, as their columns say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString

from dashboard.statistics.query import NARROWING, Asked
from dashboard.statistics.report import TOGETHER
from pages.rendering.marks import mark
from pages.statistics import words
from pages.statistics.section import Cell, Table

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
def rows(table: Table) -> SafeString:
    """All rows of a table whose names are ours."""
    return _rows(table, ((escape(str(row[0])), row) for row in table.rows))


@register.simple_tag
def rows_of(asked: Asked, table: Table, first: int) -> SafeString:
    """The first rows of a table, each with a link that narrows to it where that can be done."""
    return _rows(table, ((_link(asked, table, str(row[0])), row) for row in table.rows[:first]))


def _rows(table: Table, named: Iterable[tuple[str, Sequence[Cell]]]) -> SafeString:
    """Rows, each with its name in HTML."""
    ways = [CELLS[column.kind] for column in table.columns[1:]]
    found = []
    for name, row in named:
        cells = (write(cell) for write, cell in zip(ways, row[1:], strict=True))
        found.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    return SafeString("".join(found))  # names are escaped by then, and texts in _text


def _link(asked: Asked, table: Table, name: str) -> str:
    if table.links not in NARROWING or name == TOGETHER:
        return mark(name)
    return f'<a href="?{escape(asked.query(**{table.links: name}))}">{mark(name)}</a>'


def _text(cell: Any) -> str:
    return f"<td>{mark(str(cell))}</td>"


def _figure(words: Callable[[Any], str]) -> Callable[[Any], str]:
    """A cell with a figure in words; no words of a figure need escaping."""
    return lambda cell: f'<td class="num">{words(cell)}</td>'


CELLS = {"text": _text} | {kind: _figure(words) for kind, words in WRITTEN.items()}


@register.filter
def number(value: int) -> str:
    """1,198"""
    return words.count(value)


@register.simple_tag(name="asked_query")
def encode_query(asked: Asked, **other: str) -> str:
    """What is asked for as a query string, with some of it otherwise."""
    return asked.query(**other)


@register.simple_tag(name="everything")
def encode_everything(asked: Asked) -> str:
    """The query string that narrows to nothing."""
    return asked.query(**dict.fromkeys(NARROWING, ""))
