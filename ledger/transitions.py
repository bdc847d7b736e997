"""The only code that sets a status or writes to the log: move() and record(), inside unit().

One transaction, one or more rows moved, their events appended once at its end. Three processes
meet here: two that decide at the same moment (the UPDATE's WHERE lets one win), the one that
appends (a lock makes ids follow commit order), and the one that follows the log (woken after
the commit, never before).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar

from django.db import OperationalError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from ledger.errors import IllegalMove, Refused, Stale
from ledger.log import wake
from ledger.models import Event

P = ParamSpec("P")
T = TypeVar("T")

GENESIS = "0" * 64
_quoted = json.encoder.encode_basestring  # a JSON string, as json.dumps(…, ensure_ascii=False)
LOG_LOCK = 0x6869746C  # "hitl": the advisory lock under which PostgreSQL appends
DEADLOCK = "40P01"
TRIES = 5
AT_ONCE = 100  # events in one INSERT


class Movable(Protocol):
    MOVES: ClassVar[dict[str, set[str]]]
    status: Any
    pk: Any

    @property
    def subject(self) -> str: ...


@contextmanager
def unit() -> Iterator[None]:
    """One transaction. The outermost unit appends every recorded event just before the commit.

    The log's lock is the last thing taken, so that it is held as briefly as possible and rows
    are always locked before it.
    """
    if getattr(connection, "hitl_pending", None) is not None:
        yield
        return
    pending: list[dict[str, Any]] = []
    connection.hitl_pending = pending  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            yield
            if pending:
                _append(pending)
    finally:
        connection.hitl_pending = None  # type: ignore[attr-defined]


@contextmanager
def _part(pending: list[dict[str, Any]]) -> Iterator[None]:
    """A verb within another's unit: if it fails, its rows and its events are undone together.

    Otherwise whoever catches its error would commit half of it.
    """
    before = len(pending)
    try:
        with transaction.atomic():
            yield
    except BaseException:
        del pending[before:]
        raise


def _reconnect() -> None:
    """Drop a connection that the server has closed, such as after its restart: a new one opens."""
    if connection.errors_occurred and not connection.in_atomic_block:
        if connection.is_usable():
            connection.errors_occurred = False
        else:
            connection.close()


def verb(function: Callable[P, T]) -> Callable[P, T]:
    """Run a service as one unit; a deadlock (PostgreSQL 40P01) repeats it from the start."""
    return _run_with_tries(function, TRIES)


def verb_once(function: Callable[P, T]) -> Callable[P, T]:
    """verb() for what tells others of it before its commit: it fails instead of being repeated."""
    return _run_with_tries(function, 1)


def _run_with_tries(function: Callable[P, T], tries: int) -> Callable[P, T]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        pending = getattr(connection, "hitl_pending", None)
        if pending is not None:
            with _part(pending):
                return function(*args, **kwargs)
        _reconnect()
        outermost = not connection.in_atomic_block
        for attempt in range(1, tries + 1):
            try:
                with unit():
                    return function(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state != DEADLOCK or not outermost or attempt == tries:
                    raise
        raise AssertionError("unreachable")

    return call


def move(
    obj: Movable,
    to: str,
    *,
    kind: str,
    actor: str,
    changes: dict[str, Any] | None = None,
    where: Q | None = None,
    update: Callable[..., int] | None = None,
    lost: Callable[[], Refused] | None = None,
    **data: Any,
) -> None:
    """Move `obj` along one arrow of its MOVES and record it, or raise.

    `changes` are further columns, `where` further conditions for the compare-and-set. When the
    row is no longer as `obj` says, `lost()` makes the error (default Stale): nothing has changed.
    `update` is the compare-and-set where it is prepared: called with id, was, status, `changes`.
    """
    was = obj.status
    if to not in obj.MOVES.get(was, set()):
        raise IllegalMove(f"{obj.subject}: there is no way from {was} to {to}.", obj)
    fields = {"status": to, **(changes or {})}
    with unit():
        if not (update or partial(_update, type(obj), where))(id=obj.pk, was=was, **fields):
            raise lost() if lost else Stale(f"{obj.subject} was moved by somebody else.", obj)
        run_id = obj.pk if obj.subject.startswith("ledger.run:") else getattr(obj, "run_id", None)
        record(kind, obj.subject, actor=actor, run_id=run_id, was=str(was), now=str(to), **data)
    for name, value in fields.items():
        if not hasattr(value, "resolve_expression"):
            setattr(obj, name, value)


def _update(model: Any, where: Q | None, *, id: Any, was: str, **fields: Any) -> int:
    rows = model._default_manager.filter(pk=id, status=was)
    changed: int = rows.filter(where or Q()).update(**fields)
    return changed


def record(kind: str, subject: str, *, actor: str, run_id: int | None = None, **data: Any) -> None:
    """Put one event on the list that the outermost unit appends. Only inside unit()."""
    pending = getattr(connection, "hitl_pending", None)
    if pending is None:
        with unit():
            record(kind, subject, actor=actor, run_id=run_id, **data)
        return
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text = text.encode(errors="replace").decode()  # a lone surrogate cannot be stored or hashed
    pending.append(
        {
            "kind": kind,
            "subject": subject,
            "actor": actor,
            "run_id": run_id,
            "data": text,
        }
    )


def compute_hash(previous: str, event: Event) -> str:
    """The hash of an event: SHA-256 over the hash before it and the stored text, line by line."""
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    fields = (event.id, at, event.kind, event.subject, event.actor, event.run_id, event.data)
    return hash_fields(previous, *fields)


def hash_fields(
    previous: str,
    number: int,
    at: str,
    kind: str,
    subject: str,
    actor: str,
    run: int | None,
    data: str,
) -> str:
    """compute_hash() for fields as text; `at` is UTC with microseconds, 2026-11-23T09:33:00.000000+00:00.

    The line is a JSON list, so that no field can borrow characters from its neighbour. It is put
    together by hand: a whole log is verified by it, and json.dumps() takes three times as long.
    """
    line = (
        f"{previous}\n[{number},{_quoted(at)},{_quoted(kind)},{_quoted(subject)},"
        f"{_quoted(actor)},{'null' if run is None else run},{_quoted(data)}]"
    )
    return hashlib.sha256(line.encode()).hexdigest()


def _append(pending: list[dict[str, Any]]) -> None:
    last_id, previous, at = _head()
    events = []
    for number, fields in enumerate(pending, start=last_id + 1):
        event = Event(id=number, at=at, **fields)
        event.hash = previous = compute_hash(previous, event)
        events.append(event)
    Event.objects.bulk_create(events, AT_ONCE)
    wake.wake_after_commit(_collect_decided(events))


def _collect_decided(events: list[Event]) -> list[wake.Decided]:
    """The moves of runs' questions among these events, but for those that only set a deadline."""
    return [
        wake.Decided(each.id, each.run_id, each.subject.partition(":")[0])
        for each in events
        if each.run_id
        and not each.subject.startswith("ledger.")
        and "was" in (data := each.payload)
        and "deadline" not in data
    ]


def _head() -> tuple[int, str, datetime]:
    """Id and hash of the newest event, and the time; on PostgreSQL under the log's lock.

    The lock is a statement of its own: a statement's snapshot is taken before it waits, so that
    a lock inside the INSERT would read the head of before the wait and fork the chain. Both go
    to the server in one message; each still takes its own snapshot when its turn comes.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s);"
                " SELECT clock_timestamp(), e.id, e.hash FROM (SELECT 1) AS one"
                " LEFT JOIN (SELECT id, hash FROM ledger_event ORDER BY id DESC LIMIT 1) AS e"
                " ON true",
                [LOG_LOCK],
            )
            cursor.nextset()
            at, last_id, previous = cursor.fetchone()
            return last_id or 0, previous or GENESIS, at
        cursor.execute("SELECT id, hash FROM ledger_event ORDER BY id DESC LIMIT 1")
        row = cursor.fetchone() or (0, GENESIS)
        return row[0], row[1], timezone.now()


def rows_for_update(model: type[models.Model]) -> models.QuerySet[Any]:
    """The model's rows, locked until the commit on PostgreSQL; SQLite has one writer anyway.

    "No key": an event's foreign key to its run must not wait for whoever drives the run, or a
    decision and a runner could wait for each other.
    """
    return model._default_manager.select_for_update(of=("self",), no_key=True)
