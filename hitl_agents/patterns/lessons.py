"""What people said about earlier requests of the same agent and action, for later prompts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger import canonical
from ledger.statements.prepared import Rows, slot

NEWEST = 5  # per action
FEEDBACK = 500  # characters of one person's words


def lessons_for(agent_id: str, actions: Iterable[str]) -> dict[str, Any]:
    """`{"of": table, "requests": [ids], "lessons": [sentences]}`, oldest first: the newest few per action.

    Rejections and revisions by people count; deadlines and cancels teach nothing.
    """
    found: list[ApprovalRequest] = []
    for action in actions:
        found.extend(_answered(agent_id=agent_id, action=action))
    found.sort(key=lambda request: request.pk)
    return {
        "of": ApprovalRequest._meta.label_lower,
        "requests": [request.pk for request in found],
        "lessons": [_sentence(request) for request in found],
    }


_answered = Rows(
    lambda: ApprovalRequest.objects.filter(
        agent_id=slot(ApprovalRequest, "agent_id"),
        action=slot(ApprovalRequest, "action"),
        status__in=[ApprovalStatus.REJECTED, ApprovalStatus.NEEDS_REVISION],
        resolution__in=[Resolution.PERSON, Resolution.EDITED],
    ).order_by("-id")[:NEWEST]
)


def _sentence(request: ApprovalRequest) -> str:
    arguments = canonical.canonical(request.details)
    if len(arguments) > FEEDBACK:
        arguments = f"{arguments[:FEEDBACK]}…"
    word = {
        ApprovalStatus.REJECTED: "rejected",
        ApprovalStatus.NEEDS_REVISION: "asked to change",
    }[ApprovalStatus(request.status)]
    if request.resolution == Resolution.EDITED:
        word = "changed by hand"
    said = request.feedback[:FEEDBACK] or "(no words)"
    return f"A person {word} {request.action} {arguments}: {said}"
