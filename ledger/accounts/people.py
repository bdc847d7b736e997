"""The people who do verbs: a user by name or object, as the database has them now, and their name."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from ledger.errors import NotAllowed, UnknownId
from ledger.statements.prepared import Rows, slot


def user_named(reviewer: Any) -> Any:
    """The user of that name, or this user, as the database has them now; else UnknownId or NotAllowed.

    Read again on purpose: an object held for an hour does not know that the account was closed.
    """
    model = get_user_model()
    if isinstance(reviewer, AnonymousUser):
        raise NotAllowed("Sign in to decide.")
    by_key, by_name = _users(model)
    found = []
    if isinstance(reviewer, model):
        found = by_key(key=reviewer.pk)
    elif isinstance(reviewer, str):
        found = by_name(name=reviewer)
    if not found:
        raise UnknownId("user", reviewer)
    return found[0]


@cache
def _users(model: Any) -> tuple[Rows[Any], Rows[Any]]:
    """How a user is found by the primary key and by the name."""
    key, name = slot(model, model._meta.pk.name, "key"), slot(model, model.USERNAME_FIELD, "name")
    users = model._default_manager
    return (
        Rows(lambda: users.filter(pk=key)),
        Rows(lambda: users.filter(**{model.USERNAME_FIELD: name})),
    )


def name_of(user: Any) -> str:
    """How a person is called in sentences; "" for nobody."""
    return "" if user is None else str(user.get_full_name() or user.get_username())
