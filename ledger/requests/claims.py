"""Claims: a person has a request in hand for a while, so that two do not work on the same one.

A claim is no status and keeps nobody from deciding. It ends by itself, by the database's clock,
and with the decision.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger.accounts.people import name_of

CLAIM = timedelta(minutes=15)
NO_CLAIM: dict[str, Any] = {"claimed_by": None, "claimed_until": None}  # the columns of a free one


def name_holder(request: Any) -> str:
    """Whose hands it is in at this moment; "" if in nobody's."""
    return name_of(request.claimed_by) if request.is_claimed else ""
