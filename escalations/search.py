"""The index of kept answers: SQLite's FTS5, PostgreSQL's text search; one query each.

The services write it in the transaction of the answer. Both are given words that were taken apart
by us (escalations.words), quoted and joined by OR.
"""

from __future__ import annotations

import hashlib

from django.db import connection

from escalations import words

CANDIDATES = 30  # rows that are looked at closely

SQLITE_ADD = "INSERT OR REPLACE INTO escalations_search(rowid, agent, question) VALUES (%s, %s, %s)"
SQLITE_REMOVE = "DELETE FROM escalations_search WHERE rowid = %s"
SQLITE_FIND = (
    "SELECT rowid FROM escalations_search WHERE escalations_search MATCH %s"
    " ORDER BY bm25(escalations_search, 0.0, 1.0) LIMIT %s"
)
POSTGRES_ADD = "UPDATE escalations_knowledge SET search = array_to_tsvector(%s) WHERE id = %s"
POSTGRES_REMOVE = "UPDATE escalations_knowledge SET search = NULL WHERE id = %s"
POSTGRES_FIND = (
    "SELECT id FROM escalations_knowledge WHERE search @@ %s::tsquery"
    " ORDER BY ts_rank(search, %s::tsquery) DESC, id DESC LIMIT %s"
)


def add(pk: int, agent_id: str, question: str) -> None:
    """Have the question of that row found from now on. Inside the answer's transaction."""
    found = words.of(question)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_ADD, [[_agent(agent_id), *found], pk])
        else:
            cursor.execute(SQLITE_ADD, [pk, _agent(agent_id), " ".join(found)])


def remove(pk: int) -> None:
    """Have it found no longer."""
    with connection.cursor() as cursor:
        cursor.execute(
            POSTGRES_REMOVE if connection.vendor == "postgresql" else SQLITE_REMOVE, [pk]
        )


def find(agent_id: str, wanted: list[str]) -> list[int]:
    """The rows of that agent whose questions have any of these words, the likeliest first."""
    if not wanted:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            any_of = " | ".join(f"'{word}'" for word in wanted)
            both = f"'{_agent(agent_id)}' & ({any_of})"
            cursor.execute(POSTGRES_FIND, [both, any_of, CANDIDATES])
        else:
            any_of = " OR ".join(f'"{word}"' for word in wanted)
            query = f'agent : "{_agent(agent_id)}" AND question : ({any_of})'
            cursor.execute(SQLITE_FIND, [query, CANDIDATES])
        return [pk for (pk,) in cursor.fetchall()]


def _agent(agent_id: str) -> str:
    """A word for an agent that no question has."""
    return f"agent{hashlib.sha256(agent_id.encode()).hexdigest()[:32]}"
