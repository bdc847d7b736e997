"""The log as a file: CSV for spreadsheets, JSONL for programs; read in pieces, however long."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from ledger.models import Event

PIECE = 1000  # events read and sent at a time
COLUMNS = ("id", "at", "kind", "subject", "actor", "run", "data", "hash")
# What makes a spreadsheet take a cell for a formula, also in its full-width spelling.
FORMULA = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")

Writer = Callable[[Iterable[Event]], str]


def inert(cell: object) -> str:
    """The cell's text; with a leading ' where a spreadsheet would calculate it."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_rows(events: Iterable[Event]) -> str:
    """RFC 4180 lines (CRLF, quoted where needed), one for each event, without the header."""
    out = io.StringIO()
    csv.writer(out).writerows([inert(cell) for cell in _cells(event)] for event in events)
    return out.getvalue()


def json_rows(events: Iterable[Event]) -> str:
    """One JSON object a line. `data` is the stored text as it is, which the hash is made from."""
    return "".join(_json_row(event) for event in events)


def stream_csv(request: HttpRequest, events: QuerySet[Event]) -> StreamingHttpResponse:
    """The events as a CSV file to download, oldest first."""
    header = ",".join(COLUMNS) + "\r\n"
    return _download(request, events, "csv", "text/csv; charset=utf-8; header=present", header)


def stream_jsonl(request: HttpRequest, events: QuerySet[Event]) -> StreamingHttpResponse:
    """The events as a JSON Lines file to download, oldest first."""
    return _download(request, events, "jsonl", "application/jsonl; charset=utf-8", "")


WRITERS: dict[str, Writer] = {"csv": csv_rows, "jsonl": json_rows}


def _cells(event: Event) -> tuple[object, ...]:
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return (
        event.id,
        at,
        event.kind,
        event.subject,
        event.actor,
        event.run_id,
        event.data,
        event.hash,
    )


def _json_row(event: Event) -> str:
    named = dict(zip(COLUMNS, _cells(event), strict=True))
    parts = (
        f"{json.dumps(name)}:{value if name == 'data' else json.dumps(value, ensure_ascii=False)}"
        for name, value in named.items()
    )
    return "{" + ",".join(parts) + "}\n"


def _pieces(events: QuerySet[Event]) -> Iterator[list[Event]]:
    """The events by id, a piece at a time; what is appended meanwhile is left out."""
    newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    rows = events.order_by("id").filter(id__lte=newest)
    last = 0
    while piece := list(rows.filter(id__gt=last)[:PIECE]):
        last = piece[-1].id
        yield piece


def _download(
    request: HttpRequest, events: QuerySet[Event], suffix: str, content_type: str, header: str
) -> StreamingHttpResponse:
    text = _text(events, WRITERS[suffix], header)
    # Each server sends only its own kind of iterator piece by piece.
    content = _iterate(text) if isinstance(request, ASGIRequest) else text
    response = StreamingHttpResponse(content, content_type=content_type)
    name = f"events-{timezone.now():%Y%m%d-%H%M%S}.{suffix}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _text(events: QuerySet[Event], write: Writer, header: str) -> Iterator[str]:
    if header:
        yield header
    for piece in _pieces(events):
        yield write(piece)


async def _iterate(text: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(lambda: next(text, None))
    while (piece := await following()) is not None:
        yield piece
