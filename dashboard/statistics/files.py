"""Tables of figures as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpResponse, JsonResponse

from dashboard.statistics.report import Report
from dashboard.statistics.tables import names, plain
from figures.slots import begins
from ledger.log.export import inert
from pages.statistics.section import Cell, Table


def csv_file(tables: Sequence[Table], name: str, report: Report) -> HttpResponse:
    """RFC 4180. Several tables stand one after the other, each after a line with its title."""
    out = io.StringIO()
    lines = csv.writer(out)
    for number, table in enumerate(tables):
        if len(tables) > 1:
            lines.writerows([[]] * (number > 0))
            lines.writerow([table.title])
        lines.writerow(names(table))
        lines.writerows(map(_cells, table.rows))
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_make_name(name, report)}.csv"'
    return response


def _cells(row: Iterable[Cell]) -> list[str]:
    return [inert(f"{cell:.4f}" if isinstance(cell, float) else cell) for cell in row]


def json_file(tables: Sequence[Table], name: str, report: Report) -> JsonResponse:
    """The tables by name, with what they are of."""
    start, end = (begins(at).isoformat() for at in report.asked.range.span)
    said = {
        "from": start,
        "until": end,
        "zone": report.asked.zone_name,
        "counted_up_to_event": report.newest,
        "patterns": [each.pattern for each in report.asked.patterns],
        "narrowed_to": {report.asked.dimension: report.asked.value}
        if report.asked.dimension
        else {},
        "percentiles_at_most_off": 0.02,
        "tables": {table.name: plain(table) for table in tables},
    }
    response = JsonResponse(said, json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{_make_name(name, report)}.json"'
    return response


def _make_name(name: str, report: Report) -> str:
    return f"statistics-{name}-{report.asked.range.first}-{report.asked.range.last}"
