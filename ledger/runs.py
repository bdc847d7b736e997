"""Verbs about runs for people and programs: give work, cancel, say what happened in doubt."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import F

from ledger import canonical, catalogue
from ledger.catalogue import AgentSpec
from ledger.clock import now
from ledger.errors import AlreadyDecided, BadInput, NotAllowed, Stale, quoted
from ledger.models import JournalEntry, Run
from ledger.requests import cancelling, delivery
from ledger.requests.checks import make_finder
from ledger.transitions import move, record, rows_for_update, verb

MAX_TASK = 20_000  # characters
MAX_NOTE = 10_000  # characters
VERDICTS = {
    "action": {"ran", "did_not_run", "abandon"},
    "diverged": {"start_again", "abandon"},
}


_by_id = make_finder(Run, "run")


def find_by_id(run_id: Any) -> Run:
    """The run, or UnknownId. `run_id` may be a number or its text."""
    return _by_id(run_id)


def actor_for(user: Any) -> str:
    """How the log names a person."""
    return f"user:{user.get_username()}"


@verb
def submit(
    agent: str,
    task: str,
    *,
    input: Any = None,  # the word of the command line and of the API
    requester: Any = None,
    example: bool = False,
    actor: str | None = None,
) -> Run:
    """Queue a run of the catalogue's `agent` with `task` and optional JSON `input`.

    `requester` (a user) may not approve what the run asks. Raises BadInput for an unknown agent,
    an empty or too long task, or input that is not JSON within the limits.
    """
    spec = catalogue.get(agent)
    if spec is None:
        known = ", ".join(catalogue.names()) or "none"
        raise BadInput("agent", f"There is no agent {quoted(agent)}; known agents: {known}.")
    _check_task(task)
    canonical.canonical(input, "input")
    run = Run.objects.create(
        agent=agent,
        agent_id=agent,
        task=task,
        input=input,
        requester=requester,
        owner=_owner(spec),
        example=example,
    )
    actor = actor or (actor_for(requester) if requester else "system")
    record("runs.submitted", run.subject, actor=actor, run_id=run.pk, agent=agent)
    return run


def _owner(spec: AgentSpec) -> User | None:
    """Who may not approve what the agent asks. A name that nobody has would exclude nobody."""
    if not spec.owner:
        return None
    owner = User.objects.filter(username=spec.owner).first()
    if owner is None:
        raise BadInput("agent", f"Its owner {spec.owner!r} is no user here, so nobody is excluded.")
    return owner


def _check_task(task: str) -> None:
    if not task.strip():
        raise BadInput("task", "Say what the agent should do.")
    if len(task) > MAX_TASK:
        raise BadInput("task", f"Longer than {MAX_TASK:,} characters.")
    canonical.canonical(task, "task")


def _check_note(field: str, note: str) -> None:
    if len(note) > MAX_NOTE:
        raise BadInput(field, f"Longer than {MAX_NOTE:,} characters. Nothing was changed.")
    canonical.canonical(note, field)


@verb
def cancel(run_id: object, *, by: Any = None, actor: str | None = None, reason: str = "") -> Run:
    """Cancel a run and the questions it still asks. Nothing of it runs from here on.

    `by` (a user) needs the permission ledger.cancel_run; a program names an `actor` instead.
    Raises UnknownId, NotAllowed, or AlreadyDecided when the run is over.
    """
    if by is not None and not by.has_perm("ledger.cancel_run"):
        raise NotAllowed("Cancelling runs is for operators.")
    _check_note("reason", reason)
    find_by_id(run_id)
    run: Run = rows_for_update(Run).get(pk=run_id)
    if run.over:
        raise AlreadyDecided(f"Run {run.pk} is already {run.status}.", run)
    who = actor or (actor_for(by) if by else "system")
    move(
        run,
        Run.Status.CANCELLED,
        kind="runs.cancelled",
        actor=who,
        changes={
            "finished_at": now(),
            "error": reason,
            "lease_until": None,
            "wake_at": None,
            "doubt": None,
        },
        reason=reason,
    )
    cancelling.cancel_open(run, actor=who, reason=reason or "The run was cancelled.")
    delivery.forget(run)
    return run


@verb
def resolve_doubt(
    run_id: object, verdict: str, *, by: Any, note: str, fence: int | None = None
) -> Run:
    """Say what happened to a run in doubt, with the evidence in `note`.

    `ran`: the run goes on with the person's word as the action's result. `did_not_run`: the
    action is started again under the same approval. `start_again`: an empty journal, from the
    top. `abandon`: the run fails. `fence` is the run's when the page was made: by now the run may
    be in doubt about something else. Raises NotAllowed, BadInput, AlreadyDecided, Stale, UnknownId.
    """
    if not by.has_perm("ledger.resolve_run"):
        raise NotAllowed("Only reviewers and operators say what happened to a run in doubt.")
    find_by_id(run_id)
    run: Run = rows_for_update(Run).get(pk=run_id)
    if run.status != Run.Status.IN_DOUBT:
        raise AlreadyDecided(f"Run {run.pk} is not in doubt any more; it is {run.status}.", run)
    if fence is not None and fence != run.fence:
        raise Stale("The run has gone on since, and is in doubt about something else.", run)
    doubt = run.doubt or {"kind": "diverged"}
    if verdict not in VERDICTS[doubt["kind"]]:
        accepted = ", ".join(sorted(VERDICTS[doubt["kind"]]))
        raise BadInput("verdict", f"{quoted(verdict)} is no answer here; accepted are {accepted}.")
    if not note.strip():
        raise BadInput("feedback", "Say what you found, and where. Nothing was changed.")
    _check_note("feedback", note)
    _note_on_entry(run, doubt, verdict, by, note)
    _leave_doubt(run, verdict, actor_for(by), note)
    return run


def _note_on_entry(run: Run, doubt: dict[str, Any], verdict: str, by: Any, note: str) -> None:
    entry = JournalEntry.objects.filter(pk=doubt.get("entry", 0), run=run).first()
    if entry is None:
        return
    said = {"reported": note, "by": by.get_username()}
    status, result = {
        "ran": (JournalEntry.Status.DONE, said),
        "did_not_run": (JournalEntry.Status.CLEARED, None),
        "abandon": (JournalEntry.Status.FAILED, None),
    }[verdict]
    entry.status, entry.result, entry.finished_at = status, result, now()
    entry.note = f"{by.get_username()}: {note}"
    entry.save(update_fields=["status", "result", "finished_at", "note"])


def _leave_doubt(run: Run, verdict: str, actor: str, note: str) -> None:
    goes_on = verdict != "abandon" and not run.library
    changes: dict[str, Any] = {"doubt": None, "lease_until": None, "not_before": None}
    if verdict == "start_again":
        changes["generation"] = F("generation") + 1
    if not goes_on:
        changes |= {"finished_at": now(), "error": _end_of_doubt(run, verdict, note)}
    move(
        run,
        Run.Status.QUEUED if goes_on else Run.Status.FAILED,
        kind="runs.doubt_resolved",
        actor=actor,
        changes=changes,
        verdict=verdict,
        note=note,
    )
    if verdict == "start_again" or not goes_on:
        cancelling.cancel_open(run, actor=actor, reason=_WHY_CANCELLED[goes_on])
        delivery.forget(run)


_WHY_CANCELLED = {True: "The run was started again.", False: "The run was abandoned."}


def _end_of_doubt(run: Run, verdict: str, note: str) -> str:
    if verdict == "abandon":
        return f"Abandoned by a person: {note}"
    return f"The program that drove this run is gone; a person says ({verdict}): {note}"
