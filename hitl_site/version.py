"""The version of this code."""

from __future__ import annotations

import importlib.metadata
import tomllib

from hitl_site.paths import find_checkout


def read_version() -> str:
    """Such as "0.2.0": from pyproject.toml in a checkout, else from the installed package.

    A checkout counts first: another version may be installed beside it.
    """
    root = find_checkout()
    if root is None:
        return importlib.metadata.version("hitl")
    found: str = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found
