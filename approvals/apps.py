"""The app for “may I do this?”."""

from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Tells the ground how its questions are found, timed and answered."""

    name = "approvals"

    def ready(self) -> None:
        from approvals.pattern import register  # models can be imported from here on

        register()
