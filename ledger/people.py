"""Whom a verb is done by: a user by name or object, as the database has them now."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from ledger.errors import NotAllowed, UnknownId


def user_named(reviewer: Any) -> Any:
    """The user of that name, or this user, as the database has them now; else UnknownId or NotAllowed.

    Read again on purpose: an object held for an hour does not know that the account was closed.
    """
    model = get_user_model()
    if isinstance(reviewer, AnonymousUser):
        raise NotAllowed("Sign in to decide.")
    users = model._default_manager.all()
    if isinstance(reviewer, model):
        found = users.filter(pk=reviewer.pk).first()
    elif isinstance(reviewer, str):
        found = users.filter(**{model.USERNAME_FIELD: reviewer}).first()
    else:
        found = None
    if found is None:
        raise UnknownId("user", reviewer)
    return found
