"""The row that a verb is about: an escalation by its id, or UnknownId."""

from __future__ import annotations

from escalations.models import Escalation
from ledger.requests.checks import make_finder

RELATED = ("run", "reviewer", "claimed_by", "handed_to", "handed_by", "marked_by")

find_by_id = make_finder(Escalation, "escalation", *RELATED)
