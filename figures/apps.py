"""The app that counts what was decided."""

from __future__ import annotations

from django.apps import AppConfig


class FiguresConfig(AppConfig):
    """Reads the log and nothing else; runners keep it up, pages show it."""

    name = "figures"
