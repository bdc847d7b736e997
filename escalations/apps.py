"""The app for “I am not sure”."""

from __future__ import annotations

from django.apps import AppConfig


class EscalationsConfig(AppConfig):
    """Tells the ground how its questions are found, timed and answered."""

    name = "escalations"

    def ready(self) -> None:
        from escalations.pattern import register  # models can be imported from here on

        register()
