"""What happened to a request, told from the log: oldest first, the deadline as the open end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from ledger.models import Event, JournalEntry

MOST = 300  # events; a request has about five
REVISIONS = 50  # of one question, each way

DECIDING = (
    "approvals.approved",
    "approvals.rejected",
    "approvals.revision_requested",
    "approvals.cancelled",
)
TURNS = ("approvals.asked", "approvals.delivered", *DECIDING)  # told of other revisions too

VERDICTS = {  # what a person says about a run in doubt
    "ran": "it ran",
    "did_not_run": "it did not run",
    "abandon": "abandon",
    "start_again": "start again",
}


@dataclass(frozen=True)
class Entry:
    """One line. `words` is what a person or a program wrote, `revision` a request to link to."""

    at: datetime | None
    what: str
    kind: str = ""  # the look's colour: "wait", "yes", …
    more: str = ""
    words: str = ""
    revision: ApprovalRequest | None = None
    open: bool = False  # has not happened yet


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
    events = list(Event.objects.filter(subject__in=by_subject).order_by("id")[:MOST])
    events += [*_resumed(approval, events), *_doubted(approval, events)]
    names = _names(events)
    found: list[Entry] = []
    for event in sorted(events, key=lambda event: event.id):
        about = by_subject.get(event.subject, approval)
        if about.pk == approval.pk or event.kind in TURNS:
            found += TOLD.get(event.kind, _other)(event, about, names)
    linked = [_linked(entry, approval) for entry in found]
    return [*linked, *_open_end(approval)]


def _linked(entry: Entry, approval: ApprovalRequest) -> Entry:
    """Without a link from a page to itself."""
    if entry.revision is None or entry.revision.pk != approval.pk:
        return entry
    return Entry(entry.at, entry.what, entry.kind, entry.more, entry.words, open=entry.open)


def _resumed(approval: ApprovalRequest, events: list[Event]) -> list[Event]:
    """The run's first resuming after the decision: it belongs to the story of this request."""
    decided = [e.id for e in events if e.subject == approval.subject and e.kind in DECIDING]
    if approval.run_id is None or not decided:
        return []
    later = Event.objects.filter(run_id=approval.run_id, kind="runs.resumed", id__gt=decided[-1])
    return list(later.order_by("id")[:1])


def _doubted(approval: ApprovalRequest, events: list[Event]) -> list[Event]:
    """That nobody knew whether its action ran, and what a person said about it: events of the run."""
    began = any(e.subject == approval.subject and e.kind == "actions.started" for e in events)
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


# ---- Names


Names = dict[str, str]


def _names(events: list[Event]) -> Names:
    """Full names by actor, for the people among the actors."""
    users = {event.actor.removeprefix("user:") for event in events if event.actor[:5] == "user:"}
    people = User.objects.filter(username__in=users) if users else []
    return {f"user:{user.get_username()}": name_of(user) for user in people}


def name_of(user: User) -> str:
    """How a person is called on the pages."""
    return user.get_full_name() or user.get_username()


def _who(event: Event, names: Names) -> str:
    return names.get(event.actor) or event.actor.partition(":")[2] or event.actor


# ---- Sentences, by the kind of event

Teller = Callable[[Event, ApprovalRequest, Names], list[Entry]]


def _asked(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.author_id is not None:
        return []  # the edit before it says so already
    what = f"Asked by {_who(event, names)}"
    if about.revision > 1:
        what = f"Asked again by {_who(event, names)}, revision {about.revision}"
    more = f"{about.risk_level} risk, gate {about.rule.get('gate', '')}"
    return [Entry(event.at, what, "wait", more, revision=about)]


def _approved(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.resolution == Resolution.RULE:
        threshold = about.rule.get("threshold", "")
        what = f"Approved by the rule of the gate {about.rule.get('gate', '')}"
        return [Entry(event.at, what, "yes", f"which asks a person from {threshold}")]
    edited = "Edited and approved" if about.author_id is not None else "Approved"
    what = f"{edited} by {_who(event, names)}"
    return [Entry(event.at, what, "yes", words=about.feedback)]


def _rejected(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    by_deadline = event.actor == "deadline"
    what = "Rejected by the deadline" if by_deadline else f"Rejected by {_who(event, names)}"
    return [Entry(event.at, what, "no", words=about.feedback)]


def _revision_requested(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.resolution == Resolution.EDITED:
        return [Entry(event.at, f"Edited by {_who(event, names)}", "revise", revision=about)]
    what = f"Revision requested by {_who(event, names)}"
    return [Entry(event.at, what, "revise", words=about.feedback)]


def _cancelled(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    what = f"Cancelled by {_who(event, names)}"
    return [Entry(event.at, what, "quiet", words=about.feedback)]


def _shortened(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, f"Deadline shortened by {_who(event, names)}", "quiet")]


def _delivered(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    if about.status == ApprovalStatus.NEEDS_REVISION and about.resolution == Resolution.EDITED:
        return []  # what was written in its place is delivered with it, and says so
    return [Entry(event.at, f"Delivered to {_who(event, names)}")]


def _went_on(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, f"Run resumed on {_who(event, names)}")]


def _started(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    attempt = event.payload.get("attempt", 1)
    more = f"attempt {attempt}" if attempt != 1 else ""
    what = f"{about.action} started on {_who(event, names)}"
    return [Entry(event.at, what, "wait", more)]


def _finished(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, f"{about.action} done", "yes")]


def _failed(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    words = str(event.payload.get("error", ""))
    return [Entry(event.at, f"{about.action} failed", "error", words=words)]


def _in_doubt(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    words = str((event.payload.get("about") or {}).get("why", ""))
    return [Entry(event.at, f"Nobody knows whether {about.action} ran", "doubt", words=words)]


def _said(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    verdict = str(event.payload.get("verdict", ""))
    what = f"{_who(event, names)} said: {VERDICTS.get(verdict, verdict)}"
    return [Entry(event.at, what, "revise", words=str(event.payload.get("note", "")))]


def _looked(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, f"First looked at by {_who(event, names)}", "quiet")]


def _nothing(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return []  # how somebody read is theirs to see


def _other(event: Event, about: ApprovalRequest, names: Names) -> list[Entry]:
    return [Entry(event.at, event.kind.replace(".", " ").replace("_", " "), "quiet")]


TOLD: dict[str, Teller] = {
    "approvals.asked": _asked,
    "approvals.approved": _approved,
    "approvals.rejected": _rejected,
    "approvals.revision_requested": _revision_requested,
    "approvals.cancelled": _cancelled,
    "approvals.deadline_shortened": _shortened,
    "approvals.delivered": _delivered,
    "approvals.looked": _looked,
    "approvals.read": _nothing,
    "runs.resumed": _went_on,
    "runs.in_doubt": _in_doubt,
    "runs.doubt_resolved": _said,
    "actions.started": _started,
    "actions.finished": _finished,
    "actions.failed": _failed,
}
