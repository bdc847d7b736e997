"""The verbs of approvals: ask, decide, expire, cancel. Nothing else changes a request.

Everything that ends a wait — a person, the deadline, a cancel, an edit — is the same
compare-and-set on (request, pending, digest, deadline); the first commit wins.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from approvals import actions, rules
from approvals.asking import ask, ask_edited
from approvals.deadlines import TIMEOUT_FEEDBACK, expire, shorten
from approvals.lookup import by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from approvals.outcome import lost
from ledger import canonical
from ledger.clock import DbNow, now
from ledger.errors import BadInput, NotAllowed
from ledger.people import user_named
from ledger.runs import actor_for
from ledger.transitions import move, verb

__all__ = [
    "TIMEOUT_FEEDBACK",
    "approve",
    "ask",
    "by_id",
    "cancel",
    "edit_and_approve",
    "expire",
    "reject",
    "request_revision",
    "shorten",
]

MAX_FEEDBACK = 10_000  # characters
REVISED = "approvals.revision_requested"
STILL_OPEN = Q(deadline=None) | Q(deadline__gt=DbNow())


@verb
def approve(
    request_id: object, *, by: Any, feedback: str = "", digest: str | None = None
) -> ApprovalRequest:
    """Approve what `digest` shows (None: the current revision). `by` is a user or a username.

    Raises UnknownId, NotAllowed, AlreadyDecided, Stale, TooLate or BadInput; then nothing changed.
    """
    request, user = _may_decide(request_id, by)
    _check_feedback(feedback)
    _finish(request, ApprovalStatus.APPROVED, "approvals.approved", user, feedback, digest)
    return request


@verb
def reject(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Reject, with the reason that the agent will be given. Raises as approve() does."""
    request, user = _may_decide(request_id, by)
    _check_feedback(feedback, needed=True)
    _finish(request, ApprovalStatus.REJECTED, "approvals.rejected", user, feedback, digest)
    return request


@verb
def request_revision(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Ask the agent to ask again, changed as `feedback` says. Raises as approve() does."""
    request, user = _may_decide(request_id, by)
    _check_feedback(feedback, needed=True)
    _finish(request, ApprovalStatus.NEEDS_REVISION, REVISED, user, feedback, digest)
    return request


@verb
def edit_and_approve(
    request_id: object, *, by: Any, details: Any, feedback: str = "", digest: str | None = None
) -> ApprovalRequest:
    """Approve with other arguments: a new revision written by the reviewer, which is what runs.

    The arguments are checked against the action's schema. Returns the new request. The one case
    in which the author of a revision decides it; the log says so. Raises as approve() does.
    """
    old, user = _may_decide(request_id, by)
    _check_feedback(feedback)
    declared = actions.get(old.action)
    if declared is not None:
        details = declared.validate(details).model_dump(mode="json")
    edited_by = Resolution.EDITED
    _finish(old, ApprovalStatus.NEEDS_REVISION, REVISED, user, feedback, digest, edited_by)
    new = ask_edited(old, details, user)
    kind = "approvals.approved"
    _finish(new, ApprovalStatus.APPROVED, kind, user, feedback, new.digest, edited_by)
    return new


def _may_decide(request_id: object, by: Any) -> tuple[ApprovalRequest, Any]:
    """The request and the user; NotAllowed before anything else is said about the request."""
    request, user = by_id(request_id), user_named(by)
    reason = rules.refusal(request, user)
    if reason is not None:
        raise NotAllowed(reason)
    return request, user


def _finish(
    request: ApprovalRequest,
    to: ApprovalStatus,
    kind: str,
    user: Any,
    feedback: str,
    digest: str | None,
    resolution: Resolution = Resolution.PERSON,
) -> None:
    """The compare-and-set: pending, the digest that was shown, before the deadline."""
    shown = request.digest if digest is None else digest
    if request.status != ApprovalStatus.PENDING:
        raise lost(request.pk, shown)
    move(
        request,
        to,
        kind=kind,
        actor=actor_for(user),
        changes={
            "reviewer": user,
            "feedback": feedback,
            "resolved_at": now(),
            "resolution": resolution,
        },
        where=Q(digest=shown) & STILL_OPEN,
        lost=lambda: lost(request.pk, shown),
        by=str(resolution),
        digest=shown,
        feedback=feedback,
    )


def _check_feedback(feedback: str, needed: bool = False) -> None:
    if not isinstance(feedback, str) or (needed and not feedback.strip()):
        raise BadInput("feedback", "Say why, so that the agent can do better. Nothing was decided.")
    if len(feedback) > MAX_FEEDBACK:
        raise BadInput("feedback", f"Longer than {MAX_FEEDBACK:,} characters. Nothing was decided.")
    canonical.canonical(feedback, "feedback")


@verb
def cancel(request_id: object, *, actor: str, reason: str = "") -> ApprovalRequest:
    """Take a request back. Raises AlreadyDecided or TooLate when it was decided before."""
    request, reason = by_id(request_id), canonical.storable(reason)
    if request.status != ApprovalStatus.PENDING:
        raise lost(request.pk, request.digest)
    move(
        request,
        ApprovalStatus.CANCELLED,
        kind="approvals.cancelled",
        actor=actor,
        changes={
            "feedback": reason,
            "resolved_at": now(),
            "resolution": Resolution.CANCELLED,
        },
        lost=lambda: lost(request.pk, request.digest),
        reason=reason,
    )
    return request
