"""The years, months and days of the log, for the admin's list, without reading the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ledger.models import EventQuerySet


class CalendarQuerySet(EventQuerySet):
    """Events whose `datetimes` are all periods from the first event to the last.

    Django's own reads every row to leave out the empty ones: 2.6 s for half a million events.
    """

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: tzinfo | None = None
    ) -> Any:
        """The start of each year, month or day (`kind`) in which there may be events, UTC."""
        times = self.values_list(field_name, flat=True)
        first, last = times.order_by(field_name).first(), times.order_by(f"-{field_name}").first()
        if first is None or last is None:
            return []
        found = [_start(first, kind)]
        while (following := _advance(found[-1], kind)) <= last:
            found.append(following)
        return found if order == "ASC" else found[::-1]


def _start(at: datetime, kind: str) -> datetime:
    month = 1 if kind == "year" else at.month
    return datetime(at.year, month, at.day if kind == "day" else 1, tzinfo=UTC)


def _advance(start: datetime, kind: str) -> datetime:
    if kind == "day":
        return start + timedelta(days=1)
    return _start(start + timedelta(days=366 if kind == "year" else 31), kind)
