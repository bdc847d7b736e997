"""The rules of who may do what with a plan, read in the act's transaction and by the pages."""

from __future__ import annotations

from typing import Any

from ledger.requests.checks import refusal_of_dependent
from plans.models import Plan


def no_part(plan: Plan, user: Any) -> str | None:
    """Why `user` may not edit, comment, answer or send feedback; None if they may."""
    if not user.is_active:
        return "This account is not active."
    if user.has_perm("plans.decide_plan") or _is_theirs(plan, user):
        return None
    return "This account may not work on plans."


def no_acceptance(plan: Plan, user: Any) -> str | None:
    """Why `user` may not accept the plan; None if they may. It binds superusers too."""
    if not user.is_active:
        return "This account is not active."
    if not user.has_perm("plans.decide_plan"):
        return "Accepting plans is for reviewers."
    return refusal_of_dependent(plan.run, user, "accept its plan")


def no_stop(plan: Plan, user: Any) -> str | None:
    """Why `user` may not stop the plan; None if they may: who may cancel runs may stop plans."""
    return None if user.has_perm("ledger.cancel_run") and user.is_active else no_part(plan, user)


def _is_theirs(plan: Plan, user: Any) -> bool:
    run = plan.run
    return run is not None and user.pk in (run.requester_id, run.owner_id)
