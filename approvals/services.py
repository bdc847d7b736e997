"""The verbs of approvals: ask, decide, expire, cancel. Nothing else changes a request.

Everything that ends a wait — a person, the deadline, a cancel, an edit — is the same
compare-and-set on (request, pending, digest, deadline); the first commit wins.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from approvals import actions, envelope, rules
from approvals.models import ApprovalRequest, ApprovalStatus, Gate, Resolution
from approvals.outcome import lost
from ledger import canonical
from ledger.clock import DbNow, now
from ledger.errors import BadInput, NotAllowed, Refused, UnknownId
from ledger.models import Run
from ledger.risk import RiskLevel
from ledger.runs import actor_for
from ledger.transitions import move, record, rows_for_update, verb

TIMEOUT_FEEDBACK = "Approval timeout - auto-rejected for safety"
MAX_FEEDBACK = 10_000  # characters
PREVIEW = 240  # characters
STILL_OPEN = Q(deadline=None) | Q(deadline__gt=DbNow())


def by_id(request_id: object) -> ApprovalRequest:
    """The request, or UnknownId. `request_id` may be a number or its text."""
    try:
        return ApprovalRequest.objects.select_related("run", "reviewer", "gate").get(pk=request_id)
    except (ApprovalRequest.DoesNotExist, ValueError, TypeError, OverflowError) as error:
        raise UnknownId("approval request", request_id) from error


def user_named(reviewer: Any) -> Any:
    """A user from a user or a username; UnknownId for a name that nobody has."""
    if not isinstance(reviewer, str):
        return reviewer
    model = get_user_model()
    try:
        return model._default_manager.get(**{model.USERNAME_FIELD: reviewer})
    except model.DoesNotExist as error:
        raise UnknownId("user", reviewer) from error


@verb
def ask(
    *,
    gate: Gate,
    agent_id: str,
    action: str,
    details: Any,
    risk_level: object = RiskLevel.MEDIUM,
    run: Run | None = None,
    key: str = "",
    previous: ApprovalRequest | None = None,
    story: str = "",
    author: Any = None,
) -> ApprovalRequest:
    """Store a request with the rule, the risk and the deadline that hold now, and log it.

    Below the gate's threshold it is approved by the rule in the same transaction. The same
    (run, key) again answers the row that is there. Raises BadInput and stores nothing.
    """
    if run is not None and key:
        known = ApprovalRequest.objects.filter(run=run, key=key).first()
        if known is not None:
            return known
    request = _new_request(gate, agent_id, action, details, risk_level)
    request.run, request.key, request.story, request.author = run, key, story, author
    if previous is not None:
        request.previous, request.revision = previous, previous.revision + 1
    request.digest = envelope.digest(request)
    if request.risk_rank < RiskLevel(gate.risk_threshold).rank:
        request.deadline = None  # it does not wait
    request.save(force_insert=True)
    _record_asked(request)
    if request.risk_rank < RiskLevel(gate.risk_threshold).rank and author is None:
        _approve_by_rule(request)
    return request


def _new_request(
    gate: Gate, agent_id: str, action: str, details: Any, risk_level: object
) -> ApprovalRequest:
    _check_name("agent_id", agent_id)
    _check_name("action", action)
    stated = RiskLevel.parse(risk_level)
    text = canonical.canonical(details)
    declared = actions.get(action)
    risk = stated if declared is None else RiskLevel.higher(stated, declared.floor)
    created = now()
    wait = gate.deadline_seconds
    return ApprovalRequest(
        gate=gate,
        agent_id=agent_id,
        action=action,
        details=canonical.parse(text),
        risk_level=risk,
        risk_rank=risk.rank,
        risk_stated=stated,
        risk_declared="" if declared is None else declared.floor,
        rule=gate.rule,
        created_at=created,
        deadline=None if wait is None else created + timedelta(seconds=wait),
        preview=_preview(declared, details, text),
        undoable=None if declared is None else declared.undoable,
    )


def _preview(declared: actions.Action | None, details: Any, text: str) -> str:
    """One line for lists. Only there may it be cut: the page that decides shows everything."""
    line = "" if declared is None else declared.preview_line(details)
    line = line or text
    return line if len(line) <= PREVIEW else f"{line[:PREVIEW]}…"


def _check_name(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(field, f"{value!r} is not a name.")
    if len(value) > 200:
        raise BadInput(field, "longer than 200 characters.")
    canonical.canonical(value, field)


def _record_asked(request: ApprovalRequest) -> None:
    record(
        "approvals.asked",
        request.subject,
        actor=f"agent:{request.agent_id}",
        run_id=request.run_id,
        action=request.action,
        risk=str(request.risk_level),
        revision=request.revision,
        digest=request.digest,
        deadline=None if request.deadline is None else request.deadline.isoformat(),
    )


def _approve_by_rule(request: ApprovalRequest) -> None:
    changes = {"resolved_at": now(), "resolution": Resolution.RULE}
    move(
        request,
        ApprovalStatus.APPROVED,
        kind="approvals.approved",
        actor=f"rule:{request.rule['gate']}",
        changes=changes,
        by="rule",
        digest=request.digest,
    )


# ---- Deciding -------------------------------------------------------------------------------


@verb
def approve(
    request_id: object, *, by: Any, feedback: str = "", digest: str | None = None
) -> ApprovalRequest:
    """Approve what `digest` shows (None: the current revision). `by` is a user or a username.

    Raises UnknownId, NotAllowed, AlreadyDecided, Stale, TooLate or BadInput; then nothing changed.
    """
    return _decide(request_id, ApprovalStatus.APPROVED, "approvals.approved", by, feedback, digest)


@verb
def reject(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Reject, with the reason that the agent will be given. Raises as approve() does."""
    _need_feedback(feedback)
    return _decide(request_id, ApprovalStatus.REJECTED, "approvals.rejected", by, feedback, digest)


@verb
def request_revision(
    request_id: object, *, by: Any, feedback: str, digest: str | None = None
) -> ApprovalRequest:
    """Ask the agent to ask again, changed as `feedback` says. Raises as approve() does."""
    _need_feedback(feedback)
    return _decide(
        request_id,
        ApprovalStatus.NEEDS_REVISION,
        "approvals.revision_requested",
        by,
        feedback,
        digest,
    )


@verb
def edit_and_approve(
    request_id: object, *, by: Any, details: Any, feedback: str = "", digest: str | None = None
) -> ApprovalRequest:
    """Approve with other arguments: a new revision written by the reviewer, which is what runs.

    The arguments are checked against the action's schema. Returns the new request. The one case
    in which the author of a revision decides it; the log says so. Raises as approve() does.
    """
    old = by_id(request_id)
    declared = actions.get(old.action)
    if declared is not None:
        details = declared.validate(details).model_dump(mode="json")
    user = user_named(by)
    old = _decide(
        request_id,
        ApprovalStatus.NEEDS_REVISION,
        "approvals.revision_requested",
        user,
        feedback,
        digest,
        resolution=Resolution.EDITED,
    )
    edited = ask(
        gate=old.gate,
        agent_id=old.agent_id,
        action=old.action,
        details=details,
        risk_level=old.risk_stated,
        run=old.run,
        previous=old,
        author=user,
    )
    ApprovalRequest.objects.filter(pk=edited.pk).update(rule=old.rule)
    edited.rule = old.rule
    _finish(edited, ApprovalStatus.APPROVED, "approvals.approved", user, feedback, edited.digest)
    return edited


def _decide(
    request_id: object,
    to: ApprovalStatus,
    kind: str,
    by: Any,
    feedback: str,
    digest: str | None,
    resolution: Resolution = Resolution.PERSON,
) -> ApprovalRequest:
    user = user_named(by)
    request = by_id(request_id)
    _check_feedback(feedback)
    reason = rules.refusal(request, user)
    if reason is not None:
        raise NotAllowed(reason)
    _finish(request, to, kind, user, feedback, digest, resolution)
    return request


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
    if request.author_id is not None:
        resolution = Resolution.EDITED
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


def _need_feedback(feedback: str) -> None:
    if not isinstance(feedback, str) or not feedback.strip():
        raise BadInput("feedback", "Say why, so that the agent can do better. Nothing was decided.")


def _check_feedback(feedback: str) -> None:
    if len(feedback) > MAX_FEEDBACK:
        raise BadInput("feedback", f"Longer than {MAX_FEEDBACK:,} characters. Nothing was decided.")
    canonical.canonical(feedback, "feedback")


# ---- Time and cancelling --------------------------------------------------------------------


@verb
def expire(request_id: object) -> ApprovalRequest:
    """Reject a request whose deadline has passed. Anything else about it: returned as it is."""
    request = by_id(request_id)
    try:
        move(
            request,
            ApprovalStatus.REJECTED,
            kind="approvals.rejected",
            actor="deadline",
            changes={
                "reviewer": None,
                "feedback": TIMEOUT_FEEDBACK,
                "resolved_at": now(),
                "resolution": Resolution.DEADLINE,
            },
            where=Q(deadline__lte=DbNow()),
            by="deadline",
            feedback=TIMEOUT_FEEDBACK,
        )
    except Refused:
        return by_id(request_id)  # somebody was first, or it is not due yet
    return request


def expire_due(limit: int = 200) -> int:
    """Reject what is overdue, at most `limit`; returns how many were looked at."""
    overdue = ApprovalRequest.objects.overdue().order_by("deadline")
    ids = list(overdue.values_list("pk", flat=True)[:limit])
    for pk in ids:
        expire(pk)
    return len(ids)


@verb
def shorten(request_id: object, seconds: float) -> ApprovalRequest:
    """Bring the deadline forward to `seconds` from now: once, and never backward."""
    request = by_id(request_id)
    deadline = now() + timedelta(seconds=seconds)
    rows = rows_for_update(ApprovalRequest).filter(
        Q(deadline=None) | Q(deadline__gt=deadline),
        pk=request.pk,
        status=ApprovalStatus.PENDING,
        shortened=False,
    )
    if rows.update(deadline=deadline, shortened=True):
        record(
            "approvals.deadline_shortened",
            request.subject,
            actor=f"agent:{request.agent_id}",
            run_id=request.run_id,
            deadline=deadline.isoformat(),
        )
    return by_id(request_id)


@verb
def cancel(request_id: object, *, actor: str, reason: str = "") -> ApprovalRequest:
    """Take a request back. Raises AlreadyDecided when it was decided before."""
    request = by_id(request_id)
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
