"""Why a socket is closed, as the page is told: by codes that every server passes on.

Daphne takes 1000 and 3000 to 4999 and no other; the codes with meanings of their own (1008, 1009,
1013) are not for applications, and a socket that cannot be closed stays open and hears nothing.
"""

from __future__ import annotations

from enum import IntEnum


class Closing(IntEnum):
    """A close code. `static/js/live.js` knows what to do about each."""

    AGAINST_THE_RULES = 4008  # the page goes on sending, which it has no reason to
    TOO_BIG = 4009  # what it sent is larger than anything it could have to say
    TRY_AGAIN = 4013  # come back, and ask for what came after your cursor
    NOT_ALLOWED = 4403  # the session or the permission has ended
