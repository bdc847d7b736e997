"""Hints that events of the log give a runner: which run to take up, or when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.models import Event, Run


class Hint(NamedTuple):
    """What an event says to a runner."""

    decided: int | None = None  # the run of which a question was decided
    table: str = ""  # where that question stands
    work: bool = False  # whether a run may have become free to claim
    time: datetime | None = None  # look again then


NOTHING = Hint()


def hint_of(event: Event) -> Hint:
    """What the event says; NOTHING if it does not concern runners."""
    data = event.payload
    if not event.subject.startswith("ledger."):
        deadline = data.get("deadline")
        time = datetime.fromisoformat(deadline) if deadline else None
        table = event.subject.partition(":")[0]
        return Hint(decided=event.run_id if "was" in data else None, table=table, time=time)
    if delay := data.get("delay"):
        return Hint(time=event.at + timedelta(seconds=delay))
    if wake_at := data.get("wake_at"):
        return Hint(time=datetime.fromisoformat(wake_at))
    # From waiting to queued is half of a claim: that run is driven already.
    queued = data.get("now") == Run.Status.QUEUED and data.get("was") != Run.Status.WAITING
    return Hint(work=queued or event.kind == "runs.submitted")
