"""The app for “let us plan it together”."""

from __future__ import annotations

from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Tells the ground how its turns are found and answered."""

    name = "plans"

    def ready(self) -> None:
        from plans.pattern import register  # models can be imported from here on

        register()
