"""Pages of rows, newest first, by a cursor: no count, no offset, and new rows do not shift them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet

PAGE = 50  # rows
REACH = 20_000  # ids that one page of a text search looks at


@dataclass(frozen=True)
class Page:
    """Some rows, and the cursor of those after them ("" when these are the last).

    `looked_back_to` is the id at which a search stopped although older rows may match; else 0.
    """

    rows: list[Any]
    next: str = ""
    looked_back_to: int = 0


def cursor(text: str | None) -> int | None:
    """The id in an address, or None for the first page; anything unreadable is the first page."""
    if text and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return None


def newest_first(
    rows: QuerySet[Any], before: int | None, *, size: int = PAGE, reach: int | None = None
) -> Page:
    """The `size` newest rows with an id below `before` (None: of all).

    With `reach` only so many ids are looked at, for conditions that no index answers; the page
    may then be short, even empty, and still have a cursor to go on from.
    """
    if before is not None:
        rows = rows.filter(pk__lt=before)
    floor = 0
    if reach is not None:
        top = before if before is not None else _newest(rows) + 1
        floor = max(0, top - reach)
        rows = rows.filter(pk__gte=floor)
    found = list(rows.order_by("-pk")[: size + 1])
    if len(found) > size:
        return Page(found[:size], str(found[size - 1].pk))
    if floor > 1:
        return Page(found, str(floor), looked_back_to=floor)
    return Page(found)


def _newest(rows: QuerySet[Any]) -> int:
    """The highest id of the table, whatever the rows are filtered by."""
    return rows.model._default_manager.aggregate(top=Max("pk"))["top"] or 0
