"""Statements whose SQL Django writes once: those of decisions, of a runner, and of the inbox.

To write the SQL of a queryset takes five times as long as to run it by a key. Here it is written
at the first use, with slots for the values, and from then on only run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """SQL as the database's kind writes it, and its parameters, slots among them."""

    def __init__(self, compiler: Any) -> None:
        self.sql, self.parameters = compiler.as_sql()

    def fill_slots(self, values: dict[str, Any]) -> list[Any]:
        """The parameters, with these values in the slots."""
        return [
            one.output_field.get_db_prep_save(values[one.name], connection)
            if isinstance(one, Slot)
            else one
            for one in self.parameters
        ]

    def run(self, cursor: Any, values: dict[str, Any]) -> None:
        cursor.execute(self.sql, self.fill_slots(values))


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
        found: _Reading = _write_once(self, self._write)
        return found

    def _write(self) -> _Reading:
        return _Reading(self.build().query.get_compiler(connection.alias))


def read_together(*asked: Rows[Any], **values: Any) -> list[list[Any]]:
    """What each of these finds with the values that it has slots for, one list for each.

    PostgreSQL gets them in one message and answers in one: the way there and back takes longer
    than the search. Each still sees what is committed, and locked, when its own turn comes.
    """
    if connection.vendor != "postgresql":
        return [rows(**values) for rows in asked]
    readings = [rows.reading for rows in asked]
    given = [value for reading in readings for value in reading.fill_slots(values)]
    found = []
    with connection.cursor() as cursor:
        cursor.execute("; ".join(reading.sql for reading in readings), given)
        for reading in readings:
            found.append(reading.objects(cursor.fetchall()))
            cursor.nextset()
    return found


class _Listing(_Statement):
    """A SELECT of some columns or aggregates, and how its rows become values."""

    def __init__(self, compiler: Any) -> None:
        super().__init__(compiler)
        self.converters = compiler.get_converters([column[0] for column in compiler.select])
        self.apply = compiler.apply_converters

    def values(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return (
            [tuple(row) for row in self.apply(rows, self.converters)] if self.converters else rows
        )


@dataclass(frozen=True, eq=False)
class Values:
    """`values(name=value, …)` lists what a queryset of values_list() finds, as tuples."""

    build: Callable[[], models.QuerySet[Any, Any]]

    def __call__(self, **values: Any) -> list[tuple[Any, ...]]:
        listing: _Listing = _write_once(self, self._write)
        with connection.cursor() as cursor:
            listing.run(cursor, values)
            return listing.values(cursor.fetchall())

    def _write(self) -> _Listing:
        return _Listing(self.build().query.get_compiler(connection.alias))


@dataclass(frozen=True, eq=False)
class Number:
    """`number(name=value, …)` is how many rows a queryset of values_list() finds."""

    build: Callable[[], models.QuerySet[Any, Any]]

    def __call__(self, **values: Any) -> int:
        counting: _Statement = _write_once(self, self._write)
        with connection.cursor() as cursor:
            counting.run(cursor, values)
            found: int = cursor.fetchone()[0]
        return found

    def _write(self) -> _Statement:
        found = _Statement(self.build().query.get_compiler(connection.alias))
        found.sql = f"SELECT COUNT(*) FROM ({found.sql}) AS found"  # noqa: S608  (Django's own)
        return found


def whole(rows: models.QuerySet[Any], *aggregates: Any) -> models.QuerySet[Any, Any]:
    """One row with these aggregates of all rows, for Values."""
    names = [f"aggregate_{number}" for number in range(len(aggregates))]
    told = rows.order_by().values(all=models.Value(1))  # grouped by a constant: as one
    return told.annotate(**dict(zip(names, aggregates, strict=True))).values_list(*names)


def union(queries: Iterable[Any], **how: bool) -> Any:
    """These querysets as one; `how` as Django's union() takes it, which wants two or more."""
    first, *rest = queries
    return first.union(*rest, **how) if rest else first


@dataclass(frozen=True, eq=False)
class Change(Generic[M]):
    """`change(name=value, …)` updates the queryset's rows as `to` says; returns how many."""

    build: Build[M]
    to: dict[str, Any]

    def __call__(self, **values: Any) -> int:
        statement: _Statement = _write_once(self, self._write)
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


_known: dict[tuple[str, object], Any] = {}


def _write_once(key: object, write: Callable[[], Any]) -> Any:
    """What `write` returns, once for each database: a web request has a connection of its own.

    What was written through one connection converts through it, too, also when it is closed; that
    asks it for its settings only.
    """
    known = connection.alias, key
    if known not in _known:  # two threads at once write the same
        _known[known] = write()
    return _known[known]
