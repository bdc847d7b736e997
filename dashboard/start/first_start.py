"""The first start: it makes a login, and in the demo a few tasks to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.crypto import get_random_string

from ledger import catalogue, runs
from ledger.models import Run

AGENT = "gated"
EXAMPLES = (
    "Write a short thank-you note to ana@example.org for her order 1042 and email it",
    "Email ben@example.org that his refund of 40 euros for order 977 is on its way",
    "Write the notes of Monday's stand-up to notes/stand-up.md",
    "Save the maintenance notice for Friday 18:00 to notices/friday.md and email it to cleo@example.org",
)


@dataclass(frozen=True)
class Login:
    """The first login. `password` is empty when the person who starts us chose it."""

    username: str
    password: str


def make_first_login() -> Login | None:
    """Make the first superuser if there is no user at all; None if there is one.

    DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD choose it; else it is `admin` with a
    generated password, which is stored only as a hash, so show it now.
    """
    if User.objects.exists():
        return None
    chosen = os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
    password = chosen or get_random_string(16)
    user = User.objects.create_superuser(
        os.environ.get("DJANGO_SUPERUSER_USERNAME") or "admin",
        os.environ.get("DJANGO_SUPERUSER_EMAIL", ""),
        password,
    )
    return Login(user.get_username(), "" if chosen else password)


def example_tasks() -> int:
    """Give the built-in agent a few tasks, marked as examples, if nothing ever ran; how many."""
    if catalogue.get(AGENT) is None or Run.objects.exists():
        return 0
    for task in EXAMPLES:
        runs.submit(AGENT, task, example=True)
    return len(EXAMPLES)
