"""Lines about requests for approval in a run's timeline."""

from __future__ import annotations

from functools import partial
from typing import Any

from approvals.models import Resolution
from ledger.models import Event
from pages.timeline import Known, Line, Timeline, decision, tell_question

TITLE = "Question: approve"


def _tell_asked(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    """Only what the journal has no entry for; the revision a reviewer wrote is in the decision."""
    approval = known.requests.get(event.subject)
    if event.subject in known.asked_in or (approval and approval.author_id):
        return None
    return Line(
        event.at,
        "wait",
        "shield-check",
        TITLE,
        what=str(data.get("action", "")),
        key=known.call(event.subject),
        preview=approval.preview if approval else "",
        request=approval,
    )


def _tell_approved(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    edited = data.get("by") == Resolution.EDITED
    tell = decision("yes", "check", "edited and approved" if edited else "approved")
    return tell(event, data, known)


def _tell_revision_requested(event: Event, data: dict[str, Any], known: Known) -> Line | None:
    if data.get("by") == Resolution.EDITED:
        return None  # the line of what the reviewer wrote in its place says it
    return decision("revise", "pencil-line", "revision requested")(event, data, known)


def _tell_shortened(event: Event, data: dict[str, Any], known: Known) -> Line:
    approval = known.requests.get(event.subject)
    until = approval.deadline if approval else None
    return Line(
        event.at,
        "quiet",
        "timer",
        "Deadline shortened by the agent",
        key=known.call(event.subject),
        request=approval,
        later=[("now ends", until)] if until else [],
    )


TIMELINE = Timeline(
    events={
        "approvals.asked": _tell_asked,
        "approvals.approved": _tell_approved,
        "approvals.rejected": decision("no", "x", "rejected"),
        "approvals.revision_requested": _tell_revision_requested,
        "approvals.cancelled": decision("quiet", "ban", "cancelled"),
        "approvals.deadline_shortened": _tell_shortened,
    },
    question=partial(tell_question, title=TITLE),
)
