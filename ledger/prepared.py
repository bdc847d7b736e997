"""Statements whose SQL Django writes once: those between a decision and the agent's next line.

To write the SQL of a queryset takes five times as long as to run it by a key. Here it is written
at the first use on a connection, with slots for the values, and from then on only run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models, transaction
from django.db.models.expressions import Expression
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=models.Model)
_populators: Any = get_related_populators  # the stubs have it as a later Django does
Build = Callable[[], models.QuerySet[M]]


class Slot(Expression):
    """Where a value goes that is given, by this name, at each use; it is stored as `field` is."""

    def __init__(self, name: str, field: Any) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]  # run() puts the value there


def slot(model: type[models.Model], column: str, name: str = "") -> Slot:
    """The slot `name` (else named as the column) for a value of that column."""
    return Slot(name or column, model._meta.get_field(column))


class _Statement:
    """SQL as one connection writes it, and its parameters, slots among them."""

    def __init__(self, compiler: Any) -> None:
        self.sql, self.parameters = compiler.as_sql()

    def given(self, values: dict[str, Any]) -> list[Any]:
        """The parameters, with these values in the slots."""
        return [
            one.output_field.get_db_prep_save(values[one.name], connection)
            if isinstance(one, Slot)
            else one
            for one in self.parameters
        ]

    def run(self, cursor: Any, values: dict[str, Any]) -> None:
        cursor.execute(self.sql, self.given(values))


class _Reading(_Statement):
    """A SELECT, and how its rows become objects, with those that select_related() brings."""

    def __init__(self, compiler: Any) -> None:
        super().__init__(compiler)
        select, about = compiler.select, compiler.klass_info
        columns = about["select_fields"]
        self.model = about["model"]
        self.own = slice(columns[0], columns[-1] + 1)
        self.names = [column[0].target.attname for column in select[self.own]]
        self.related = _populators(about, select, connection.alias)
        self.converters = compiler.get_converters([column[0] for column in select])

    def objects(self, rows: list[tuple[Any, ...]]) -> list[Any]:
        return [self._object(list(row)) for row in rows]

    def _object(self, row: list[Any]) -> Any:
        for position, (converters, column) in self.converters.items():
            for convert in converters:
                row[position] = convert(row[position], column, connection)
        found = self.model.from_db(connection.alias, self.names, row[self.own])
        for populator in self.related:
            populator.populate(row, found)
        return found


@dataclass(frozen=True, eq=False)
class Rows(Generic[M]):
    """`rows(name=value, …)` lists what the queryset finds with these values in its slots."""

    build: Build[M]

    def __call__(self, **values: Any) -> list[M]:
        with connection.cursor() as cursor:
            self.reading.run(cursor, values)
            return self.reading.objects(cursor.fetchall())

    @property
    def reading(self) -> _Reading:
        found: _Reading = _written(self, self._write)
        return found

    def _write(self) -> _Reading:
        return _Reading(self.build().query.get_compiler(connection.alias))


def together(*asked: Rows[Any], **values: Any) -> list[list[Any]]:
    """What each of these finds with the values that it has slots for, one list for each.

    PostgreSQL gets them in one message and answers in one: the way there and back takes longer
    than the search. Each still sees what is committed, and locked, when its own turn comes.
    """
    if connection.vendor != "postgresql":
        return [rows(**values) for rows in asked]
    readings = [rows.reading for rows in asked]
    given = [value for reading in readings for value in reading.given(values)]
    found = []
    with connection.cursor() as cursor:
        cursor.execute("; ".join(reading.sql for reading in readings), given)
        for reading in readings:
            found.append(reading.objects(cursor.fetchall()))
            cursor.nextset()
    return found


@dataclass(frozen=True, eq=False)
class Change(Generic[M]):
    """`change(name=value, …)` updates the queryset's rows as `to` says; returns how many."""

    build: Build[M]
    to: dict[str, Any]

    def __call__(self, **values: Any) -> int:
        statement: _Statement = _written(self, self._write)
        with (
            transaction.mark_for_rollback_on_error(connection.alias),
            connection.cursor() as cursor,
        ):
            statement.run(cursor, values)
            changed: int = cursor.rowcount
        return changed

    def _write(self) -> _Statement:
        query: Any = self.build().query.chain(UpdateQuery)
        query.add_update_values(self.to)
        return _Statement(query.get_compiler(connection.alias))


def _written(key: object, write: Callable[[], Any]) -> Any:
    """What `write` returns, once for each connection: converters belong to it."""
    known: dict[object, Any] | None = getattr(connection, "hitl_prepared", None)
    if known is None:
        known = connection.hitl_prepared = {}  # type: ignore[attr-defined]
    if key not in known:
        known[key] = write()
    return known[key]
