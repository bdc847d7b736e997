"""Filters of the admin's lists that take typed words, and stay quick however long the log is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from ledger.models import Event

# Jumps along the index from one kind to the next: the log may hold millions of rows of a dozen.
KINDS = (
    "WITH RECURSIVE found(kind) AS (SELECT min(kind) FROM ledger_event UNION ALL"
    " SELECT (SELECT min(kind) FROM ledger_event WHERE kind > found.kind)"
    " FROM found WHERE found.kind IS NOT NULL)"
    " SELECT kind FROM found WHERE kind IS NOT NULL"
)


class FormFilter(admin.ListFilter):
    """Input fields beside a list, as (parameter, label, type of input)."""

    template = "admin/form_filter.html"
    fields: ClassVar[tuple[tuple[str, str, str], ...]]

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.given: dict[str, str] = {}
        for name, _, _ in self.fields:
            if name in params:
                self.given[name] = params.pop(name)[-1].strip()

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [name for name, _, _ in self.fields]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """What the template shows: the fields, and the list's other parameters, kept."""
        own = self.expected_parameters()
        yield {
            "fields": [
                {"name": name, "label": label, "type": kind, "value": self.given.get(name, "")}
                for name, label, kind in self.fields
            ],
            "others": [pair for pair in changelist.params.items() if pair[0] not in own],
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for name, value in self.given.items():
            if value:
                queryset = self.narrow(queryset, name, value)
        return queryset

    def narrow(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Only the rows that fit the parameter `name`; its value is not empty."""
        raise NotImplementedError


class TimeFilter(FormFilter):
    """Rows from a time on, up to another."""

    title = "time, from and to (UTC)"
    fields = (("at__gte", "From", "datetime-local"), ("at__lt", "To", "datetime-local"))

    def narrow(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(**{name: _time(value)})


class ActorFilter(FormFilter):
    """Events by who did it, by the beginning of the name."""

    title = "actor, such as user:ana or runner:"
    fields = (("actor", "Actor", "search"),)

    def narrow(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(actor__startswith=value)


class RunFilter(FormFilter):
    """Rows of one run."""

    title = "run"
    fields = (("run_id", "Run", "number"),)

    def narrow(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if not value.isdecimal() or len(value) > 18:  # no id has more
            raise IncorrectLookupParameters(f"{value!r} is not the number of a run.")
        return queryset.filter(run_id=int(value))


class KindFilter(admin.SimpleListFilter):
    """Events by kind, of those that the log holds."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute(KINDS)
            return [(kind, kind) for (kind,) in cursor.fetchall()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def _time(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise IncorrectLookupParameters(f"{text!r} is not a time.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
