"""People's answers, kept for similar questions: found, counted, corrected, retired."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F

from escalations.knowledge import search, words
from escalations.models import Escalation, Knowledge
from ledger import canonical
from ledger.clock import now
from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.runs import actor_for
from ledger.transitions import record, rows_for_update, verb

OFFERED = 5
ALIKE = 0.3  # share of a question's telling words that an earlier one must have
MAX_ANSWER = 20_000  # characters


def similar(agent_id: str, question: str, *, besides: int | None = None) -> list[Knowledge]:
    """Earlier questions of that agent like this one with their answers, the likest first.

    `besides`: an escalation whose own answer is left out. Retired answers are never offered.
    """
    wanted = words.find_telling(question)
    found = search.find(agent_id, wanted)  # what is retired is not in the index
    rated = [(words.compute_overlap(wanted, asked), pk) for pk, of, asked in found if of != besides]
    best = sorted((each for each in rated if each[0] >= ALIKE), reverse=True)[:OFFERED]
    rows = Knowledge.objects.select_related("answered_by").in_bulk([pk for _, pk in best])
    return [rows[pk] for _, pk in best]


def count_use(rows: Iterable[Knowledge]) -> None:
    """Count that these were put into a prompt."""
    keys = [row.pk for row in rows]
    if keys:
        Knowledge.objects.filter(pk__in=keys).update(uses=F("uses") + 1)


def keep(escalation: Escalation) -> Knowledge:
    """Keep a person's answer. Inside the transaction of the answer, whose event tells it."""
    row = Knowledge.objects.create(
        escalation=escalation,
        agent_id=escalation.agent_id,
        question=escalation.question,
        answer=escalation.response,
        answered_by=escalation.reviewer,
    )
    search.add(row.pk, row.agent_id, row.question)
    return row


@verb
def retire(knowledge_id: object, *, by: Any) -> Knowledge:
    """Offer an answer no more, nor put it into prompts. Raises NotAllowed, UnknownId."""
    row = _row(knowledge_id, by)
    if row.retired_at is None:
        row.retired_at = now()
        row.save(update_fields=["retired_at"])
        search.remove(row.pk, row.agent_id, row.question)
        _record("knowledge.retired", row, by)
    return row


@verb
def restore(knowledge_id: object, *, by: Any) -> Knowledge:
    """Offer a retired answer again. Raises NotAllowed, UnknownId."""
    row = _row(knowledge_id, by)
    if row.retired_at is not None:
        row.retired_at = None
        row.save(update_fields=["retired_at"])
        search.add(row.pk, row.agent_id, row.question)
        _record("knowledge.restored", row, by)
    return row


@verb
def correct(knowledge_id: object, *, by: Any, answer: str) -> Knowledge:
    """Put another answer in its place; what the escalation says stays. Raises as retire(), BadInput."""
    row = _row(knowledge_id, by)
    if not answer.strip() or len(answer) > MAX_ANSWER:
        raise BadInput("answer", f"From 1 to {MAX_ANSWER:,} characters.")
    canonical.canonical(answer, "answer")
    before, row.answer = row.answer, answer
    if answer != before:
        row.save(update_fields=["answer"])
        _record("knowledge.corrected", row, by, before=before, after=answer)
    return row


def _row(knowledge_id: object, by: Any) -> Knowledge:
    if not by.has_perm("escalations.change_knowledge"):
        raise NotAllowed("Changing what is kept is for operators.")
    row: Knowledge | None = rows_for_update(Knowledge).filter(pk=knowledge_id).first()
    if row is None:
        raise UnknownId("kept answer", knowledge_id)
    return row


def _record(kind: str, row: Knowledge, by: Any, **data: Any) -> None:
    record(kind, row.subject, actor=actor_for(by), escalation=row.escalation_id, **data)
