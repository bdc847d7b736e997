"""The history of a request, told from the log: oldest first, the deadline as the open end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.models import Event, JournalEntry
from pages.history import Entry, Names, name_actors, read_events, read_resumption, tell_alike
from pages.timeline import VERDICTS

REVISIONS = 50  # of one question, each way

DECIDING = (
    "approvals.approved",
    "approvals.rejected",
    "approvals.revision_requested",
    "approvals.cancelled",
)
TURNS = ("approvals.asked", "approvals.delivered", *DECIDING)  # told of other revisions too


def revisions(approval: ApprovalRequest) -> list[ApprovalRequest]:
    """Every revision of this question, oldest first, itself included."""
    rows = ApprovalRequest.objects.select_related("run", "reviewer", "author", "gate")
    found = [approval]
    while found[0].previous_id is not None and len(found) < REVISIONS:
        found.insert(0, rows.get(pk=found[0].previous_id))
    for _ in range(REVISIONS):
        later = rows.filter(previous_id=found[-1].pk).first()
        if later is None:
            break
        found.append(later)
    return found


def entries(approval: ApprovalRequest, chain: list[ApprovalRequest]) -> list[Entry]:
    """The lines for one request: its own in full, of its other revisions only the turns."""
    by_subject = {each.subject: each for each in chain}
    events = read_events(*by_subject)
    events += [*read_resumption(approval, events, DECIDING), *_find_doubts(approval, events)]
    names = name_actors(events)
    lines: list[Entry] = []
    for event in sorted(events, key=lambda event: event.id):
        about = by_subject.get(event.subject, approval)
        if about.pk == approval.pk or event.kind in TURNS:
            lines += _tell(event, about, names)
    linked = [_drop_own_link(line, approval) for line in lines]
    return [*linked, *_open_end(approval)]


def _tell(event: Event, about: ApprovalRequest, names: Names) -> Sequence[Entry]:
    teller = TOLD.get(event.kind)
    return teller(event, about, names) if teller else [tell_alike(event, names)]


def _drop_own_link(line: Entry, approval: ApprovalRequest) -> Entry:
    """Without a link from a page to itself."""
    if line.link == approval:
        return replace(line, link=None)
    return line


def _find_doubts(approval: ApprovalRequest, events: list[Event]) -> list[Event]:
    """That nobody knew whether its action ran, and what a person said about it: events of the run."""
    subject = approval.subject
    began = any(e.subject == subject and e.kind == "actions.started" for e in events)
    if approval.run_id is None or not began:
        return []
    of_it = {"request_kind": approval._meta.label_lower, "request_id": approval.pk}
    entries = set(JournalEntry.objects.filter(**of_it, kind="action").values_list("pk", flat=True))
    kinds = ("runs.in_doubt", "runs.doubt_resolved")
    found, ours = [], False
    for event in Event.objects.filter(run_id=approval.run_id, kind__in=kinds).order_by("id"):
        if event.kind == "runs.in_doubt":
            ours = (event.payload.get("about") or {}).get("entry") in entries
        if ours:
            found.append(event)
    return found


def _open_end(approval: ApprovalRequest) -> list[Entry]:
    if approval.status != ApprovalStatus.PENDING or approval.deadline is None:
        return []
    if approval.expired:
        return [Entry(approval.deadline, "The deadline passed; nobody had decided", "quiet")]
    return [Entry(approval.deadline, "Rejected, if nobody decides before", open=True)]


# ---- Sentences, by the kind of event

Teller = Callable[[Event, ApprovalRequest, Names], Sequence[Entry]]


def _tell_asked(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.author_id is not None:
        return []  # the edit before it says so already
    what = f"Asked by {names[event.actor]}"
    if about.revision > 1:
        what = f"Asked again by {names[event.actor]}, revision {about.revision}"
    more = f"{about.risk_level} risk, gate {about.rule.get('gate', '')}"
    return [Entry(event.at, what, "wait", more, link=about)]


def _tell_approved(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.resolution == Resolution.RULE:
        threshold = about.rule.get("threshold", "")
        what = f"Approved by the rule of the gate {about.rule.get('gate', '')}"
        return [Entry(event.at, what, "yes", f"which asks a person from {threshold}")]
    edited = "Edited and approved" if about.author_id is not None else "Approved"
    what = f"{edited} by {names[event.actor]}"
    return [Entry(event.at, what, "yes", words=about.feedback)]


def _tell_rejected(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    by_deadline = event.actor == "deadline"
    what = "Rejected by the deadline" if by_deadline else f"Rejected by {names[event.actor]}"
    return [Entry(event.at, what, "no", words=about.feedback)]


def _tell_revision_requested(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.resolution == Resolution.EDITED:
        return [Entry(event.at, f"Edited by {names[event.actor]}", "revise", link=about)]
    what = f"Revision requested by {names[event.actor]}"
    return [Entry(event.at, what, "revise", words=about.feedback)]


def _tell_cancelled(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    what = f"Cancelled by {names[event.actor]}"
    return [Entry(event.at, what, "quiet", words=about.feedback)]


def _tell_delivered(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.status == ApprovalStatus.NEEDS_REVISION and about.resolution == Resolution.EDITED:
        return []  # what was written in its place is delivered with it, and says so
    return [tell_alike(event, names)]


def _tell_started(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    attempt = event.payload.get("attempt", 1)
    more = f"attempt {attempt}" if attempt != 1 else ""
    what = f"{about.action} started on {names[event.actor]}"
    return [Entry(event.at, what, "wait", more)]


def _tell_finished(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, f"{about.action} done", "yes")]


def _tell_failed(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    words = str(event.payload.get("error", ""))
    return [Entry(event.at, f"{about.action} failed", "error", words=words)]


def _tell_doubt(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    words = str((event.payload.get("about") or {}).get("why", ""))
    return [Entry(event.at, f"Nobody knows whether {about.action} ran", "doubt", words=words)]


def _tell_verdict(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    verdict = str(event.payload.get("verdict", ""))
    what = f"{names[event.actor]} said: {VERDICTS.get(verdict, verdict)}"
    return [Entry(event.at, what, "revise", words=str(event.payload.get("note", "")))]


def _tell_nothing(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return []  # how somebody read is theirs to see


TOLD: dict[str, Teller] = {
    "approvals.asked": _tell_asked,
    "approvals.approved": _tell_approved,
    "approvals.rejected": _tell_rejected,
    "approvals.revision_requested": _tell_revision_requested,
    "approvals.cancelled": _tell_cancelled,
    "approvals.delivered": _tell_delivered,
    "approvals.read": _tell_nothing,
    "runs.in_doubt": _tell_doubt,
    "runs.doubt_resolved": _tell_verdict,
    "actions.started": _tell_started,
    "actions.finished": _tell_finished,
    "actions.failed": _tell_failed,
}
