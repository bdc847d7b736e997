"""Public names of a package that are imported when they are asked for.

Models cannot be imported before Django has loaded its apps, and importing the app `approvals` is
part of that loading; `from approvals import ApprovalGate` works all the same, once it is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module


def import_lazily(package: str, modules: dict[str, str]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of a package whose public names are in those of its modules."""

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)  # the next time it is simply there
        return value

    return get
