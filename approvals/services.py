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
from approvals.lookup import find_by_id
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from approvals.outcome import explain_loss
from ledger import canonical
from ledger.clock import now
from ledger.requests.checks import SAY_WHY, check_permitted, check_words
from ledger.requests.models import STILL_OPEN
from ledger.runs import actor_for
from ledger.transitions import move, verb

__all__ = [
    "TIMEOUT_FEEDBACK",
    "approve",
    "ask",
    "cancel",
    "edit_and_approve",
    "expire",
    "find_by_id",
    "reject",
    "request_revision",
    "shorten",
]

REVISED = "approvals.revision_requested"


@verb
def approve(
    request_id: object, *, by: Any, feedback: str = "", digest: str | None = None
) -> ApprovalRequest:
    """Approve what `digest` shows (None: the current revision). `by` is a user or a username.

    Raises UnknownId, NotAllowed, AlreadyDecided, Stale, TooLate or BadInput; then nothing changed.
    """
    request, user = check_permitted(find_by_id, request_id, by, rules.refusal)
    check_words("feedback", feedback)
    _finish(request, ApprovalStatus.APPROVED, "approvals.approved", user, feedback, digest)
    return request


@verb
def reject(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Reject, with the reason that the agent will be given. Raises as approve() does."""
    request, user = check_permitted(find_by_id, request_id, by, rules.refusal)
    check_words("feedback", feedback, needed=SAY_WHY)
    _finish(request, ApprovalStatus.REJECTED, "approvals.rejected", user, feedback, digest)
    return request


@verb
def request_revision(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Ask the agent to ask again, changed as `feedback` says. Raises as approve() does."""
    request, user = check_permitted(find_by_id, request_id, by, rules.refusal)
    check_words("feedback", feedback, needed=SAY_WHY)
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
    old, user = check_permitted(find_by_id, request_id, by, rules.refusal)
    check_words("feedback", feedback)
    declared = actions.get(old.action)
    if declared is not None:
        details = declared.validate(details).model_dump(mode="json")
    edited_by = Resolution.EDITED
    _finish(old, ApprovalStatus.NEEDS_REVISION, REVISED, user, feedback, digest, edited_by)
    new = ask_edited(old, details, user)
    kind = "approvals.approved"
    _finish(new, ApprovalStatus.APPROVED, kind, user, feedback, new.digest, edited_by)
    return new


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
        raise explain_loss(request.pk, shown)
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
        lost=lambda: explain_loss(request.pk, shown),
        by=str(resolution),
        digest=shown,
        feedback=feedback,
    )


@verb
def cancel(request_id: object, *, actor: str, reason: str = "") -> ApprovalRequest:
    """Take a request back. Raises AlreadyDecided or TooLate when it was decided before."""
    request, reason = find_by_id(request_id), canonical.storable(reason)
    if request.status != ApprovalStatus.PENDING:
        raise explain_loss(request.pk, request.digest)
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
        lost=lambda: explain_loss(request.pk, request.digest),
        reason=reason,
    )
    return request
