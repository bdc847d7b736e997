"""The time for which a person had an item's page before deciding: signed when made, read back."""

from __future__ import annotations

import time
from typing import Any

from django.core import signing

SALT = "hitl-review-looking"
LONGEST = 24 * 60 * 60  # seconds; a page that was open longer says nothing about reading


def sign_opening(pk: int, user: Any) -> str:
    """The moment at which this person was shown the item, for a hidden field."""
    return signing.dumps([pk, user.pk, round(time.time(), 1)], salt=SALT)


def seconds(token: str, pk: int, user: Any) -> float | None:
    """For how long it was shown to them; None for a page of somebody or something else."""
    try:
        item, person, since = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    lasted = round(time.time() - since, 1)
    return lasted if (item, person) == (pk, user.pk) and 0 <= lasted <= LONGEST else None
