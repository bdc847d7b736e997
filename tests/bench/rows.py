# ruff: noqa: S608  (all names are those of our own tables and columns)
"""Millions of decided requests with their events, in minutes: one statement for each table.

Every row is a copy of one that the services made, in the columns that it is not about. They
spread over 200 days, over agents, risks, actions, reviewers and outcomes; one in ten was looked
at and read by a page that told so. The events' hashes are not chained. Every day is like the
first one, so that what is counted of one day can be counted of all (tests/bench/scale.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

from approvals import services
from approvals.models import ApprovalRequest
from figures import looking
from ledger.models import Event, Run
from tests.support import people

DAYS = 200
AGENTS, ACTIONS, REVIEWERS, PENDING = 20, 8, 12, 200
RUN_OF = 10  # requests that one run made
TOLD = 10  # one in so many was looked at by a page that told so
TABLES = (Run, ApprovalRequest, Event)
# `i` is the number of a request, from 1 on; `nth` its number within its day, from 0 on.
DAY, NTH = "((i - 1) / %(daily)s)", "((i - 1) %% %(daily)s)"
HASH = f"((({NTH} + 1) * 2654435761) %% 4294967291)"
Columns = dict[str, str]


def make(count: int) -> tuple[int, int, int]:
    """That many decided requests, and some that are pending.

    Answers the event before the first of them, how many events each day has, and the days.
    """
    if count % (DAYS * TOLD):
        raise ValueError(f"{count} does not go into {DAYS} days of tens.")
    reviewers = [people.person(f"reviewer-{n}", "Reviewers").pk for n in range(REVIEWERS)]
    gate = people.gate("bench", deadline_seconds=10_000_000)
    like = people.asked(people.a_run(), gate=gate)
    by = people.person("reviewer-0")
    looking.note_look(like.subject, by=by)
    services.approve(like.pk, by=by)
    looking.read(like.subject, looking.Reading(20, 1, 1000), by=by)
    assert like.run_id is not None
    Run.objects.filter(pk=like.run_id).update(status=Run.Status.COMPLETED)
    asked, looked, approved, read = Event.objects.filter(subject=like.subject).order_by("id")
    before = f"{read.pk} + 2 * (i - 1) + 2 * ((i - 1) / {TOLD})"
    with _fast() as cursor:
        copy = Copying(cursor, count)
        copy(Run, like.run_id, {"id": "t.id + i", "agent_id": AGENT}, count // RUN_OF)
        copy(ApprovalRequest, like.pk, _request(like, reviewers[0]))
        about = _about(like)
        copy(Event, asked.pk, about | _asked(f"{before} + 1"))
        copy(Event, approved.pk, about | _decided(f"{before} + 2"))
        copy(Event, looked.pk, about | _told(f"{before} + 3", 0.4), every=TOLD)
        copy(Event, read.pk, about | _told(f"{before} + 4", 1), every=TOLD)
    for number in range(PENDING):
        people.asked(gate=gate, agent_id=f"agent-{number % AGENTS}")
    return read.pk, (2 * count + 2 * count // TOLD) // DAYS, DAYS


# ---- What varies


def _of(part: int, many: int) -> str:
    return f"(({HASH} / {part}) %% {many})"


def _one_of(part: int, *names: str) -> str:
    cases = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(names))
    return f"CASE {_of(part, len(names))} {cases} END"


def _asked_at() -> str:
    """Seconds since 1970, the newest now."""
    return f"(%(now)s - {DAYS * 86400} + {DAY} * 86400 + {NTH} * (86400.0 / %(daily)s))"


def _took() -> str:
    return f"(5 + {_of(7, 1000)} * {_of(7, 1000)} / 300.0)"


def _time(seconds: str) -> str:
    if _is_postgres():
        return f"to_timestamp({seconds})"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', {seconds}, 'unixepoch')"


def _verdict(*words: str | None, instead: str = "") -> str:
    """One of five words: by rule, by deadline, rejected, to be revised, approved."""
    texts = [instead if word is None else f"'{word}'" for word in words]
    number = _of(13, 100)
    cases = zip((4, 6, 14, 20), texts, strict=False)
    whens = " ".join(f"WHEN {number} < {share} THEN {text}" for share, text in cases)
    return f"CASE {whens} ELSE {texts[-1]} END"


AGENT = f"'agent-' || {_of(1, AGENTS)}"
RISK = _one_of(17, "low", "medium", "high", "critical")
ACTION = f"'action-' || {_of(19, ACTIONS)}"


def _request(like: ApprovalRequest, reviewer: int) -> Columns:
    decided = _time(f"{_asked_at()} + {_took()}")
    return {
        "id": "t.id + i",
        "run_id": _run(like),
        "agent_id": AGENT,
        "action": ACTION,
        "risk_level": RISK,
        "risk_rank": f"1 + {_of(17, 4)}",
        "created_at": _time(_asked_at()),
        "resolved_at": decided,
        "delivered_at": decided,
        "reviewer_id": f"{reviewer} + {_of(23, REVIEWERS)}",
        "status": _verdict("approved", "rejected", "rejected", "needs_revision", "approved"),
        "resolution": _verdict("rule", "deadline", "person", "person", "person"),
        "key": "''",
    }


def _run(like: ApprovalRequest) -> str:
    return f"{like.run_id} + 1 + (i - 1) / {RUN_OF}"


def _about(like: ApprovalRequest) -> Columns:
    """The columns of an event about that request."""
    return {
        "subject": f"'approvals.approvalrequest:' || ({like.pk} + i)",
        "run_id": _run(like),
    }


def _asked(number: str) -> Columns:
    data = f"""'{{"action":"' || {ACTION} || '","revision":1,"risk":"' || {RISK} || '"}}'"""
    actor = f"'agent:' || {AGENT}"
    return {"id": number, "at": _time(_asked_at()), "actor": actor, "data": data}


def _decided(number: str) -> Columns:
    kinds = [f"approvals.{name}" for name in ("approved", "rejected", "revision_requested")]
    person = f"'user:reviewer-' || {_of(23, REVIEWERS)}"
    return {
        "id": number,
        "at": _time(f"{_asked_at()} + {_took()}"),
        "kind": _verdict(kinds[0], kinds[1], kinds[1], kinds[2], kinds[0]),
        "actor": _verdict("rule:bench", "deadline", *[None] * 3, instead=person),
    }


def _told(number: str, part: float) -> Columns:
    """Of a page that was looked at, after that part of the time to its decision."""
    at = _time(f"{_asked_at()} + {_took()} * {part}")
    person = f"'user:reviewer-' || {_of(23, REVIEWERS)}"
    return {"id": number, "at": at, "actor": person}


# ---- Copying


class Copying:
    """Copies rows, so many unless said otherwise."""

    def __init__(self, cursor: Any, count: int) -> None:
        self._cursor, self._count, self._now = cursor, count, int(time.time())

    def __call__(
        self,
        model: type[models.Model],
        like: int | None,
        own: Columns,
        count: int | None = None,
        every: int = 1,
    ) -> None:
        """Copies of the row `like`, in which these columns are expressions of `i`, from 1 on."""
        fields = [str(field.column) for field in model._meta.concrete_fields]
        values = [own.get(name, f"t.{name}") for name in fields]
        table = model._meta.db_table
        sql = (
            f"INSERT INTO {table} ({', '.join(fields)}) SELECT {', '.join(values)}"
            f" FROM {_series(every)} CROSS JOIN {table} t WHERE t.id = %(like)s"
        )
        given = {"like": like, "count": count or self._count, "now": self._now}
        self._cursor.execute(sql, given | {"daily": self._count // DAYS})


def _series(every: int) -> str:
    if _is_postgres():
        return f"generate_series({every}::bigint, %(count)s::bigint, {every}) AS n(i)"
    more = f"SELECT i + {every} FROM n WHERE i + {every} <= %(count)s"
    return f"(WITH RECURSIVE n(i) AS (SELECT {every} UNION ALL {more}) SELECT i FROM n) AS n"


def _is_postgres() -> bool:
    return connection.vendor == "postgresql"


@contextmanager
def _fast() -> Iterator[Any]:
    """Without indexes, foreign keys and waits for the disk, all of which are there afterwards."""
    off, on = POSTGRES if _is_postgres() else SQLITE
    with connection.cursor() as cursor:
        indexes = _indexes(cursor)
        for statement in (*off, *(f'DROP INDEX "{name}"' for name, _ in indexes)):
            cursor.execute(statement)
        yield cursor
        for statement in (*(made for _, made in indexes), *on):
            cursor.execute(statement)
    connection.close()


SQLITE = (
    (
        "PRAGMA foreign_keys=OFF",
        "PRAGMA synchronous=OFF",
        "PRAGMA cache_size=-500000",
        "PRAGMA journal_mode=MEMORY",
    ),
    (),  # the next connection has all of it as the settings say
)
POSTGRES = (
    ("SET session_replication_role=replica", "SET maintenance_work_mem='512MB'"),
    # What autovacuum would have done meanwhile.
    (
        "SET session_replication_role=origin",
        *(f"VACUUM ANALYZE {m._meta.db_table}" for m in TABLES),
    ),
)


def _indexes(cursor: Any) -> list[tuple[str, str]]:
    """The names of the indexes that no constraint needs, and how each is made."""
    names = ", ".join(f"'{model._meta.db_table}'" for model in TABLES)
    if _is_postgres():
        cursor.execute(
            "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid"
            f" WHERE t.relname IN ({names}) AND NOT i.indisunique"
        )
    else:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            f" AND tbl_name IN ({names})"
        )
    found: list[tuple[str, str]] = cursor.fetchall()
    if _is_postgres():  # sequences do not know the ids that were given
        for model in TABLES[:2]:
            table = model._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000000000)")
    return found
