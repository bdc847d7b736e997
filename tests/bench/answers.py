"""Ten thousand answered escalations of one agent, and how long it takes to find the like of one."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalations.models import Escalation

WORDS = 3_000  # different ones; a few of them are in very many questions
LENGTH = 14  # words of a question, on average
BATCH = 1_000


def fill(count: int) -> int:
    """Store so many answered escalations with their kept answers; how many there are."""
    from django.db import transaction

    from escalations.knowledge import search
    from escalations.models import Escalation, Knowledge

    rng = random.Random(7)  # noqa: S311  (spread, not secret)
    for start in range(0, count, BATCH):
        with transaction.atomic():
            numbers = range(start, min(count, start + BATCH))
            asked = Escalation.objects.bulk_create([_answered(question(rng)) for _ in numbers])
            kept = [
                Knowledge(
                    escalation=each, agent_id=each.agent_id, question=each.question, answer="Yes."
                )
                for each in asked
            ]
            for row in Knowledge.objects.bulk_create(kept):
                search.add(row.pk, row.agent_id, row.question)
    return Knowledge.objects.count()


def similar(times: int) -> list[float]:
    """Milliseconds that each of so many questions took to be compared with all of them."""
    from escalations.knowledge import answers

    rng = random.Random(11)  # noqa: S311
    took = []
    for _ in range(times):
        asked = question(rng)
        began = time.perf_counter()
        answers.similar("bench", asked)
        took.append((time.perf_counter() - began) * 1000)
    return took


def question(rng: random.Random) -> str:
    """Words as languages have them: the commonest is in about every second question."""
    length = rng.randint(LENGTH // 2, LENGTH * 3 // 2)
    ranks = [int(WORDS ** rng.random()) for _ in range(length)]
    return " ".join(f"word{rank}" for rank in ranks)


def _answered(asked: str) -> Escalation:
    from escalations.models import Escalation
    from ledger.clock import now

    context: Any = {"task": asked}
    return Escalation(
        agent_id="bench",
        type="low_confidence",
        reason="Low confidence (40%) on task",
        context=context,
        digest="0" * 64,
        rule={"confidence": 0.7},
        risk_level="medium",
        risk_rank=2,
        status="answered",
        resolution="person",
        response="Yes.",
        resolved_at=now(),
    )
