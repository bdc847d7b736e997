"""The index of kept answers: SQLite's FTS5, PostgreSQL's text search; one query each.

The services write it in the transaction of the answer. Both are given words that were taken apart
by us (escalations.knowledge.words), quoted and joined by OR: of a question's words the rarest, so that a
search looks at few rows however many there are.
"""

from __future__ import annotations

import hashlib

from django.db import connection
from django.db.models import F

from escalations.knowledge import words
from escalations.models import Term

CANDIDATES = 30  # rows that are looked at closely
ENOUGH = 250  # rows that a search ranks, about
MOST = 12  # words that are searched by

SQLITE_ADD = "INSERT OR REPLACE INTO escalations_search(rowid, agent, question) VALUES (%s, %s, %s)"
SQLITE_REMOVE = "DELETE FROM escalations_search WHERE rowid = %s"
SQLITE_FIND = (
    "SELECT k.id, k.escalation_id, k.question FROM ("
    "SELECT rowid AS id FROM escalations_search WHERE escalations_search MATCH %s"
    " ORDER BY bm25(escalations_search, 0.0, 1.0) LIMIT %s"
    ") AS found JOIN escalations_knowledge AS k ON k.id = found.id"
)
POSTGRES_ADD = "UPDATE escalations_knowledge SET search = array_to_tsvector(%s) WHERE id = %s"
POSTGRES_REMOVE = "UPDATE escalations_knowledge SET search = NULL WHERE id = %s"
POSTGRES_FIND = (
    "SELECT id, escalation_id, question FROM escalations_knowledge WHERE search @@ %s::tsquery"
    " ORDER BY ts_rank(search, %s::tsquery) DESC, id DESC LIMIT %s"
)

COUNT_IN = (
    "INSERT INTO escalations_term (agent, word, count) VALUES {rows}"
    " ON CONFLICT (agent, word) DO UPDATE SET count = escalations_term.count + 1"
)


def add(pk: int, agent_id: str, question: str) -> None:
    """Have the question of that row found from now on. Inside the answer's transaction."""
    found = words.find_words(question)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_ADD, [[_agent(agent_id), *found], pk])
        else:
            cursor.execute(SQLITE_ADD, [pk, _agent(agent_id), " ".join(found)])
        # In one order, so that two answers at once do not wait for each other.
        pairs = [part for word in sorted(found) for part in (_agent(agent_id), word)]
        if pairs:
            rows = ", ".join(["(%s, %s, 1)"] * len(found))
            cursor.execute(COUNT_IN.format(rows=rows), pairs)


def remove(pk: int, agent_id: str, question: str) -> None:
    """Have it found no longer."""
    counted = Term.objects.filter(agent=_agent(agent_id), word__in=words.find_words(question))
    counted.filter(count__gt=0).update(count=F("count") - 1)
    with connection.cursor() as cursor:
        cursor.execute(
            POSTGRES_REMOVE if connection.vendor == "postgresql" else SQLITE_REMOVE, [pk]
        )


Found = tuple[int, int, str]  # a row, its escalation, its question


def find(agent_id: str, wanted: list[str]) -> list[Found]:
    """The rows of that agent whose questions have any of these words, the likeliest of them."""
    rare = _rarest(agent_id, wanted)
    if not rare:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            any_of = " | ".join(f"'{word}'" for word in rare)
            both = f"'{_agent(agent_id)}' & ({any_of})"
            cursor.execute(POSTGRES_FIND, [both, any_of, CANDIDATES])
        else:
            any_of = " OR ".join(f'"{word}"' for word in rare)
            query = f'agent : "{_agent(agent_id)}" AND question : ({any_of})'
            cursor.execute(SQLITE_FIND, [query, CANDIDATES])
        return [(pk, of, asked) for pk, of, asked in cursor.fetchall()]


def _rarest(agent_id: str, wanted: list[str]) -> list[str]:
    """Of these words those that the fewest questions have, until they lead to enough rows."""
    rows = Term.objects.filter(agent=_agent(agent_id), word__in=wanted, count__gt=0)
    found: list[str] = []
    total = 0
    for word, count in rows.order_by("count", "word").values_list("word", "count")[:MOST]:
        if found and total + count > ENOUGH:
            break
        found.append(word)
        total += count
    return found


def _agent(agent_id: str) -> str:
    """A word for an agent that no question has."""
    return f"agent{hashlib.sha256(agent_id.encode()).hexdigest()[:32]}"
