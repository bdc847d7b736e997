"""Outputs for review in the tests, and pages on which somebody is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from ledger.models import Run
from reviews import services
from reviews.models import OutputType, ReviewItem

TEXT = "# What changed\n\nThree things are *new* this month."


def added(run: Run | None = None, /, **changes: Any) -> ReviewItem:
    """A pending item."""
    wanted: dict[str, Any] = {
        "agent_id": "reviewed",
        "output_type": "newsletter",
        "content": TEXT,
        "context": {"task": "Write what changed in November"},
    }
    return services.add(run=run, **(wanted | changes))


def output_type(name: str = "newsletter", **fields: Any) -> OutputType:
    """A type as an operator has set it."""
    found, _ = OutputType.objects.update_or_create(name=name, defaults=fields)
    return found


def browser(user: User) -> Client:
    """A browser in which that person is signed in."""
    client = Client()
    client.force_login(user)
    return client


def verdict(item: ReviewItem, **sent: Any) -> dict[str, Any]:
    """What the form of that item sends."""
    return {"digest": item.digest, "verdict": "approve", "feedback": "", **sent}
