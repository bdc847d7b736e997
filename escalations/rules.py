"""The rules of who may answer an escalation, read in the answer's transaction and by the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from escalations.models import Escalation

PERMISSION = "escalations.answer_escalation"


def refusal(_escalation: Escalation | None, user: Any) -> str | None:
    """Why `user` may not answer, as a sentence for that person; None if they may.

    It is the same for every escalation. Who gave the run its work may answer its questions: an answer lets nothing happen.
    """
    if not user.is_active:
        return "This account is not active."
    if not user.has_perm(PERMISSION):
        return "This account may not answer what agents ask."
    return None


def people() -> Any:
    """The active users who may answer, by name: whom a question can be handed over to."""
    label, codename = PERMISSION.split(".")
    granted = {"content_type__app_label": label, "codename": codename}
    in_group = {f"groups__permissions__{name}": value for name, value in granted.items()}
    own = {f"user_permissions__{name}": value for name, value in granted.items()}
    may = Q(**in_group) | Q(**own) | Q(is_superuser=True)
    return User.objects.filter(may, is_active=True).distinct().order_by("username")
