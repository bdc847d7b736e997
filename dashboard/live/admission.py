"""Admission to the live socket, asked of the database for all sockets of a process at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from dashboard.live.kinds import kinds

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"

May = frozenset[str]  # permissions


def find_admitted(session_keys: Collection[str]) -> Mapping[str, May]:
    """Of those sessions the ones that may listen, each with what its user may see.

    The session is there and has not expired, its user is active, has not changed the password
    since signing in, and may see something that has cards. One query for the sessions and one for each
    permission, however many sockets there are.
    """
    rows = SessionStore.get_model_class().objects.filter(
        session_key__in=session_keys, expire_date__gt=timezone.now()
    )
    signed = {
        key: _read_session(data) for key, data in rows.values_list("session_key", "session_data")
    }
    users = _users({user for user, _ in signed.values()})
    found = {}
    for key, (user, seal) in signed.items():
        may, current = users.get(user, (frozenset(), ""))
        if may and constant_time_compare(seal, current):
            found[key] = may
    return found


def _users(keys: Collection[str]) -> Mapping[str, tuple[May, str]]:
    """The active ones of those users: what they may see, and the seal of their password."""
    found: dict[str, tuple[May, str]] = {}
    manager: Any = get_user_model()._default_manager
    known = [key for key in keys if key]
    for permission in sorted({kind.needs for kind in kinds().values()}):
        holders = manager.with_perm(permission, backend=MODEL_BACKEND).filter(pk__in=known)
        for user in holders.only("password"):
            may, seal = found.get(str(user.pk)) or (frozenset(), user.get_session_auth_hash())
            found[str(user.pk)] = (may | {permission}, seal)
    return found


@lru_cache(maxsize=4096)  # the same text is asked for again and again
def _read_session(data: str) -> tuple[str, str]:
    """The user's key and the seal in a stored session; empty when nobody is signed in."""
    session = SessionStore().decode(data)
    return str(session.get(SESSION_KEY, "")), str(session.get(HASH_SESSION_KEY, ""))
