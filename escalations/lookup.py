"""The row that a verb is about: an escalation by its id."""

from __future__ import annotations

from typing import Any

from escalations.models import Escalation
from ledger.statements.row_lookup import by_id_of

RELATED = ("run", "reviewer", "claimed_by", "handed_to", "handed_by", "marked_by")
_by_id = by_id_of(Escalation, "escalation", *RELATED)


def by_id(escalation_id: Any) -> Escalation:
    """The escalation, or UnknownId. `escalation_id` may be a number or its text."""
    return _by_id(escalation_id)
