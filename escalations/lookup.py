"""The row that a verb is about: an escalation by its id, or UnknownId."""

from __future__ import annotations

from escalations.models import Escalation
from ledger.requests.checks import by_id_of

RELATED = ("run", "reviewer", "claimed_by", "handed_to", "handed_by", "marked_by")

by_id = by_id_of(Escalation, "escalation", *RELATED)
