"""Notices on a run's page about one's own act: that it counted, or why it did not."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import BadInput, LedgerError, NotAllowed, Refused, Stale


@dataclass(frozen=True)
class Said:
    """A notice above the content, or a toast: the answer to one's own act."""

    kind: str
    icon: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class TypedNote:
    """What somebody had entered when the answer was no, to be given back."""

    feedback: str = ""
    error: str = ""


SETTLED = {
    "ran": Said("yes", "check", "Noted: it ran.", "The run goes on."),
    "did_not_run": Said("revise", "rotate-ccw", "Noted: it did not run.", "It is started again."),
    "start_again": Said("revise", "rotate-ccw", "Started again.", "From the top."),
    "abandon": Said("quiet", "ban", "Abandoned.", "The run has failed."),
}
ENDED = Said("quiet", "ban", "Noted.", "The run has ended.")  # of a program that is gone
CANCELLED = Said("quiet", "ban", "Cancelled.", "Nothing more of this run runs.")


def banner(error: LedgerError, noun: str, typed: str) -> Said:
    """The notice for an act (`noun`: what it was) that the services refused."""
    kept = " What you had typed is kept." if typed.strip() else ""
    if isinstance(error, Stale):
        return Said("wait", "info", "This page was out of date.", f"{error}{kept}")
    if isinstance(error, Refused):
        return Said("no", "circle-alert", str(error), f"Your {noun} did not count.{kept}")
    if isinstance(error, NotAllowed):
        return Said("high", "lock", "You may not do this.", f"{error.reason}{kept}")
    said = error.message if isinstance(error, BadInput) else str(error)
    return Said("error", "circle-alert", "Nothing was changed.", f"{said}{kept}")
