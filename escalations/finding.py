"""The row that a verb is about: an escalation by its id."""

from __future__ import annotations

from typing import Any

from escalations.models import Escalation
from ledger.errors import UnknownId

RELATED = ("run", "reviewer", "claimed_by", "handed_to", "handed_by", "marked_by")


def by_id(escalation_id: Any) -> Escalation:
    """The escalation, or UnknownId. `escalation_id` may be a number or its text."""
    try:
        found: Escalation = Escalation.objects.select_related(*RELATED).get(pk=escalation_id)
    except (Escalation.DoesNotExist, ValueError, TypeError, OverflowError) as error:
        raise UnknownId("escalation", escalation_id) from error
    return found
