"""The app for “may I have this?”."""

from __future__ import annotations

from django.apps import AppConfig


class WishesConfig(AppConfig):
    """Registers the pattern, as every pattern does."""

    name = "tests.toy_pattern"
    label = "wishes"

    def ready(self) -> None:
        from tests.toy_pattern.pattern import register  # models can be imported from here on

        register()
