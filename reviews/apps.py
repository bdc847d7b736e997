"""The app for “may this be used?”."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    """Tells the ground how its items are found and answered."""

    name = "reviews"

    def ready(self) -> None:
        from reviews.pattern import register  # models can be imported from here on

        register()
