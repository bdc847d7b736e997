"""Claims: each is one transaction that takes a run and reads all that its replay answers from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cache

from django.db import connection
from django.db.models import F

from hitl_agents.journal.entries import Hold, Kind, Status, answer, find_subject, note_answer
from ledger import leases, patterns
from ledger.clock import read_local_clock
from ledger.models import JournalEntry, Run
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Rows, read_together, slot
from ledger.transitions import verb, verb_once


class Held(Exception):
    """A run that waits could not be looked at: somebody else has its row locked."""


@dataclass(frozen=True)
class Activation:
    """A claimed run with all that its replay answers from: whoever resumes it reads once."""

    run: Run
    hold: Hold
    journal: list[JournalEntry]
    decided: dict[str, HumanRequest]  # decided questions, which never change, by their subject


@verb
def claim_next(runner: str, lease: float, driven: Collection[int] = ()) -> Activation | None:
    """Claim a run that is queued and due, or whose runner is gone; None when there is none."""
    run = leases.claim_next(runner, lease, driven)
    if run is None:
        return None
    return _activation(run, run.fence, run.runner, _journal(run=run.pk), {})


@verb_once
def claim_waiting(
    run_id: int,
    runner: str,
    lease: float,
    about: str = "",
    begun: Callable[[Activation], None] | None = None,
) -> Activation | None:
    """Claim a waiting run and take up what is decided, in one transaction.

    None if it does not wait, or nothing that it waits for is decided and its time is not up: then
    the hint was wrong or late, and it would be replayed for nothing. Raises Held.

    `about` is the table of the question that was decided, if the caller knows: a hint of what to
    read. `begun` is given the activation before the commit, when the run is locked and all is read: its
    agent may be called meanwhile, if nothing of it is journaled before the claim stands.
    """
    hinted = [about] if patterns.is_known(about) else []
    asked = [_select_decided(label) for label in hinted]
    locked, journal, *decided = read_together(
        leases.locked_waiting, _journal, *asked, id=run_id, run=run_id
    )
    if not locked:
        _check_not_held(run_id)
        return None
    run = locked[0]
    read = dict(zip(hinted, decided, strict=True))
    found = _activation(run, run.fence + 1, runner, journal, read)
    taken = list(_note_answers(found))
    if not taken and not leases.time_is_up(run):
        return None
    if begun is not None:
        begun(found)
    # From here on the agent may be reading all this in another thread. What is moved is a copy.
    leases.take_locked(copy(run), runner, lease)
    for entry, answers in taken:
        note_answer(found.hold, entry, answers)
    return found


def _check_not_held(run_id: int) -> None:
    """Held if the run waits although it was not found: a lock is skipped (PostgreSQL), not waited for.

    Only those ask who have nothing to claim, most often because another runner was faster.
    """
    skips = connection.features.has_select_for_update_skip_locked
    if skips and Run.objects.filter(pk=run_id, status=Run.Status.WAITING).exists():
        raise Held(f"Run {run_id} is locked.")


def _note_answers(found: Activation) -> Iterator[tuple[JournalEntry, list[HumanRequest]]]:
    """Note in memory which awaited questions are answered: each entry, and what answers it."""
    at = read_local_clock()  # it decides nothing
    for entry in found.journal:
        request = found.decided.get(find_subject(entry))
        if entry.status == Status.WAITING and request is not None:
            effective = answer(entry, request, at)
            found.decided[effective.subject] = effective
            yield entry, [request, effective]


def _activation(
    run: Run,
    fence: int,
    runner: str,
    journal: list[JournalEntry],
    read: dict[str, list[HumanRequest]],
) -> Activation:
    """`read` are decided questions by their table, as far as they are read already."""
    decided: dict[str, HumanRequest] = {}
    for label in {one.request_kind for one in journal if one.kind in (Kind.QUESTION, Kind.WAIT)}:
        found = read[label] if label in read else _select_decided(label)(run=run.pk)
        for request in found:
            request.run = run
            decided[request.subject] = request
    hold = Hold(run.pk, fence, run.generation, runner)
    return Activation(run, hold, journal, decided)


_journal = Rows(
    lambda: JournalEntry.objects.filter(
        run=slot(JournalEntry, "run"), generation=F("run__generation")
    ).order_by("pk")
)


@cache
def _select_decided(label: str) -> Rows[HumanRequest]:
    """The decided questions of one kind that a run has asked."""
    pattern = patterns.get(label)
    asked = pattern.model.objects.select_related(*pattern.related)
    return Rows(lambda: asked.filter(run=slot(pattern.model, "run"), resolved_at__isnull=False))
