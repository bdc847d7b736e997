"""The context of the page of one request, for one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from approvals import rules
from approvals.models import ApprovalRequest, ApprovalStatus
from approvals.pages import facts, history

ROWS = ("run__requester", "run__owner", "reviewer", "author", "gate", "previous__reviewer")


@dataclass(frozen=True)
class TypedDecision:
    """What somebody had entered when the answer was no, to be given back."""

    feedback: str = ""
    details: str = ""  # edited arguments, as JSON
    error: str = ""  # what is wrong with the feedback

    def __bool__(self) -> bool:
        return bool(self.feedback.strip() or self.details)


def context(approval: ApprovalRequest, user: User, **more: Any) -> dict[str, Any]:
    """The template's variables.

    `more`: `cursor`, the log's end before the rows were read; and in the answer to a decision
    `banner`, `typed` (a TypedDecision) and `toast`.
    """
    revisions = history.revisions(approval)
    is_open = approval.shown_status == ApprovalStatus.PENDING
    declared = approval.declared
    return {
        "approval": approval,
        "action": declared,
        "schema": declared.schema() if declared else None,
        "facts": facts.read_facts(approval),
        "revisions": revisions,
        "newest": revisions[-1] if revisions[-1].pk != approval.pk else None,
        "open": is_open,
        "refusal": rules.refusal(approval, user) if is_open else None,
        "may_cancel": _may_cancel(approval, user),
        "typed": TypedDecision(),
        **more,
    }


def _may_cancel(approval: ApprovalRequest, user: User) -> bool:
    run = approval.run
    return run is not None and not run.over and user.has_perm("ledger.cancel_run")
