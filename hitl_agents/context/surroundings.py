"""The surroundings that a model is told of besides its task: the date, and where it may reach."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from hitl_agents.models import AllowedHost

MOST_HOSTS = 200  # that are named


def today() -> dict[str, Any]:
    """The date. In a run it is read through the journal, so that a replay says the same."""
    return {"today": f"{timezone.localdate():%Y-%m-%d, %A}"}


def surroundings() -> dict[str, Any]:
    """The date, and the hosts that http_request may reach."""
    hosts = AllowedHost.objects.order_by("host").values_list("host", flat=True)[:MOST_HOSTS]
    return {**today(), "http_request_may_reach": list(hosts)}
