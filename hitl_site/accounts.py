"""Accounts: an administrator makes them, nobody signs up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """Nobody signs up by themselves: who may decide is a grant, not a form."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
