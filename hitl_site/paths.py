"""Paths of this installation: its code, its templates and static files, and its data."""

from __future__ import annotations

from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).resolve().parent


def find_checkout() -> Path | None:
    """The root of the checkout that this code runs from; None where it was installed as a package."""
    root = PACKAGE.parent
    return root if (root / "manage.py").is_file() and (root / "pyproject.toml").is_file() else None


def find_resources(name: str) -> Path:
    """The folder `templates` or `static`: at the top of a checkout, inside this package in a wheel."""
    return (find_checkout() or PACKAGE) / name


def find_data_folder() -> Path:
    """Where data goes unless HITL_DATA_DIR says otherwise: `var/`, or the user's data folder."""
    root = find_checkout()
    return root / "var" if root else platformdirs.user_data_path("hitl", appauthor=False)
