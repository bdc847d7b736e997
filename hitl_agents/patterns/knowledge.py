"""What people answered to similar questions of the same agent, for its next prompt."""

from __future__ import annotations

from typing import Any

from escalations.knowledge import answers
from escalations.models import Escalation

CUT = 2_000  # characters of one question or answer


def earlier_answers(agent_id: str, task: str) -> dict[str, Any]:
    """`{"of": table, "requests": [ids], "lessons": [sentences], "answers": [{question, answer}]}`.

    The likest first; each is counted as used. Retired answers are left out.
    """
    found = answers.similar(agent_id, task)
    answers.count_use(found)
    return {
        "of": Escalation._meta.label_lower,
        "requests": [row.escalation_id for row in found],
        "lessons": [
            f"To “{row.question[:CUT]}” a person answered: {row.answer[:CUT]}" for row in found
        ],
        "answers": [{"question": row.question[:CUT], "answer": row.answer[:CUT]} for row in found],
    }
