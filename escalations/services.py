"""The verbs of people: answer, dismiss, say whether the attempt was right.

Everything that ends a wait — a person, a handler, the deadline, the end of the run — is the same
compare-and-set on (escalation, pending, digest, deadline); the first commit wins.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from escalations import rules
from escalations.asking import ask
from escalations.claims import claim, give_back, hand_over
from escalations.deadlines import expire, shorten
from escalations.handlers.handling import begin, fail, handle
from escalations.knowledge import answers
from escalations.lookup import find_by_id
from escalations.models import AttemptWas, Escalation, EscalationStatus, Resolution
from escalations.outcome import explain_loss
from ledger.clock import now
from ledger.errors import BadInput, Stale, quoted
from ledger.requests.checks import check_permitted, check_words
from ledger.requests.claims import NO_CLAIM
from ledger.requests.models import STILL_OPEN
from ledger.runs import actor_for
from ledger.transitions import move, record, rows_for_update, verb

__all__ = [
    "answer",
    "ask",
    "begin",
    "claim",
    "dismiss",
    "expire",
    "fail",
    "find_by_id",
    "give_back",
    "hand_over",
    "handle",
    "mark",
    "shorten",
]

MAX_ANSWER = 20_000  # characters
WRITE = "Write what the agent should go on with."
UNANSWERED = "Nothing was answered."


@verb
def answer(
    escalation_id: object,
    *,
    by: Any,
    answer: str,
    digest: str | None = None,
    keep: bool = True,
    attempt_was: str = AttemptWas.UNKNOWN,
) -> Escalation:
    """Answer what `digest` shows (None: the escalation as it is). `by` is a user or a username.

    With `keep` the answer is offered for similar questions from now on. Raises UnknownId,
    NotAllowed, AlreadyDecided, Stale, TooLate or BadInput; then nothing changed.
    """
    escalation, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    check_words("answer", answer, needed=WRITE, most=MAX_ANSWER, unchanged=UNANSWERED)
    _end(
        escalation,
        EscalationStatus.ANSWERED,
        "escalations.answered",
        user,
        digest,
        attempt_was,
        {"response": answer},
        answer=answer,
        kept=keep,
    )
    if keep:
        answers.keep(escalation)
    return escalation


@verb
def dismiss(
    escalation_id: object,
    *,
    by: Any,
    feedback: str = "",
    digest: str | None = None,
    attempt_was: str = AttemptWas.UNKNOWN,
) -> Escalation:
    """Let the agent go on as uncertain, without an answer. Raises as answer() does."""
    escalation, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    check_words("feedback", feedback, most=MAX_ANSWER, unchanged=UNANSWERED)
    _end(
        escalation,
        EscalationStatus.DISMISSED,
        "escalations.dismissed",
        user,
        digest,
        attempt_was,
        {"feedback": feedback},
        feedback=feedback,
    )
    return escalation


def _end(
    escalation: Escalation,
    to: EscalationStatus,
    kind: str,
    user: Any,
    digest: str | None,
    attempt_was: str,
    changes: dict[str, Any],
    **data: Any,
) -> None:
    """The compare-and-set: pending, the digest that was shown, before the deadline."""
    shown = escalation.digest if digest is None else digest
    marked = _check_mark(escalation, attempt_was, user)
    if escalation.status != EscalationStatus.PENDING:
        raise explain_loss(escalation.pk, shown)
    move(
        escalation,
        to,
        kind=kind,
        actor=actor_for(user),
        changes={
            "reviewer": user,
            "resolved_at": now(),
            "resolution": Resolution.PERSON,
            **NO_CLAIM,
            **marked,
            **changes,
        },
        where=Q(digest=shown) & STILL_OPEN,
        lost=lambda: explain_loss(escalation.pk, shown),
        digest=shown,
        attempt_was=attempt_was,
        **data,
    )


def _check_mark(escalation: Escalation, attempt_was: str, user: Any) -> dict[str, Any]:
    """The columns of a mark on the attempt; none for no mark."""
    if attempt_was not in AttemptWas.values:
        accepted = ", ".join(value for value in AttemptWas.values if value)
        raise BadInput("attempt_was", f"{quoted(attempt_was)} is no mark; accepted are {accepted}.")
    if not attempt_was:
        return {}
    if not escalation.attempt:
        raise BadInput("attempt_was", "The agent made no attempt that could be marked.")
    return {"attempt_was": attempt_was, "marked_by": user}


@verb
def mark(escalation_id: object, *, by: Any, attempt_was: str) -> Escalation:
    """Say after the fact whether the agent's own attempt was right; the last word counts.

    Raises UnknownId, NotAllowed, BadInput, or Stale while it is still open.
    """
    found, user = check_permitted(find_by_id, escalation_id, by, rules.refusal)
    if not attempt_was:
        raise BadInput("attempt_was", "Choose one of them.")
    changes = _check_mark(found, attempt_was, user)
    escalation: Escalation = rows_for_update(Escalation).get(pk=found.pk)
    if escalation.status == EscalationStatus.PENDING:
        raise Stale(
            "It is still open: answer or dismiss it, and mark the attempt with that.", found
        )
    if escalation.attempt_was != attempt_was:
        Escalation.objects.filter(pk=escalation.pk).update(**changes)
        record(
            "escalations.marked",
            escalation.subject,
            actor=actor_for(user),
            run_id=escalation.run_id,
            was=escalation.attempt_was,
            attempt_was=attempt_was,
        )
    return find_by_id(escalation.pk)
