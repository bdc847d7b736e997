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
    """`{"of": table, "requests": [ids], "lessons": [sentences], "told": [objects]}`, oldest first.

    The newest few per action: as sentences for the run's page, as objects for the prompt.
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
        "told": [_told(request) for request in found],
    }


def told_in(read: dict[str, Any]) -> list[Any]:
    """What the prompt is told of lessons that were read; an earlier version read sentences only."""
    told: list[Any] = read.get("told", read["lessons"])
    return told


_answered = Rows(
    lambda: ApprovalRequest.objects.filter(
        agent_id=slot(ApprovalRequest, "agent_id"),
        action=slot(ApprovalRequest, "action"),
        status__in=[ApprovalStatus.REJECTED, ApprovalStatus.NEEDS_REVISION],
        resolution__in=[Resolution.PERSON, Resolution.EDITED],
    ).order_by("-id")[:NEWEST]
)


def _told(request: ApprovalRequest) -> dict[str, Any]:
    """By field, so that a person's words are told from the arguments that they spoke of."""
    return {
        "decision": _verdict(request),
        "action": request.action,
        "arguments": _arguments(request),
        "person_said": request.feedback[:FEEDBACK],
    }


def _sentence(request: ApprovalRequest) -> str:
    said = request.feedback[:FEEDBACK] or "(no words)"
    return f"A person {_verdict(request)} {request.action} {_arguments(request)}: {said}"


def _arguments(request: ApprovalRequest) -> str:
    text = canonical.canonical(request.details)
    return text if len(text) <= FEEDBACK else f"{text[:FEEDBACK]}…"


def _verdict(request: ApprovalRequest) -> str:
    if request.resolution == Resolution.EDITED:
        return "changed by hand"
    return {
        ApprovalStatus.REJECTED: "rejected",
        ApprovalStatus.NEEDS_REVISION: "asked to change",
    }[ApprovalStatus(request.status)]
