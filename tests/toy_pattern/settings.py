"""The settings of the project, with one more pattern."""

from __future__ import annotations

from hitl_site.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.toy_pattern.apps.WishesConfig"]  # noqa: F405
