"""What agents are unsure about, in the tests."""

from __future__ import annotations

from typing import Any

from escalations import services
from escalations.models import Escalation
from ledger.models import Run

QUESTION = "Which VAT rate applies to a printed workbook?"
CONTEXT = {"task": QUESTION, "attempted_response": "Ten percent.", "confidence": 0.42}


def escalated(run: Run | None = None, /, **changes: Any) -> Escalation:
    """A pending escalation."""
    wanted: dict[str, Any] = {
        "agent_id": "escalating",
        "reason": "Low confidence (42%) on task",
        "context": CONTEXT,
        "type": "low_confidence",
        "threshold": 0.7,
    }
    return services.ask(run=run, **{**wanted, **changes})


def about(question: str, **changes: Any) -> Escalation:
    """One with that question."""
    return escalated(context={**CONTEXT, "task": question}, **changes)


def answered(question: str, answer: str, by: Any, **changes: Any) -> Escalation:
    """One with that question, answered and kept."""
    return services.answer(about(question, **changes).pk, by=by, answer=answer)


def now_is(escalation: Escalation) -> Escalation:
    """The row as the database has it now."""
    return services.find_by_id(escalation.pk)
