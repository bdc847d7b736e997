"""The rules of who may decide a request, read in the decision's transaction and by the pages."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from ledger.requests.checks import refusal_of_dependent


def refusal(request: ApprovalRequest, user: Any) -> str | None:
    """Why `user` may not decide this request, as a sentence for that person; None if they may.

    The rule that counts is the one frozen on the request. Independence binds superusers too.
    """
    if not user.is_active:
        return "This account is not active."
    if not user.is_superuser:
        if not user.has_perm("approvals.decide_approvalrequest"):
            return "This account may not decide requests."
        groups: list[str] = request.rule.get("deciders", [])
        if not user.groups.filter(name__in=groups).exists():
            who = ", ".join(groups) or "superusers"
            return f"Only {who} may decide at the gate {request.rule.get('gate', '')}."
    return _not_independent(request, user)


def _not_independent(request: ApprovalRequest, user: Any) -> str | None:
    if request.author_id == user.pk:
        return "You wrote this revision, so another person has to decide."
    return refusal_of_dependent(request.run, user, "decide")
