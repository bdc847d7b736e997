"""How much may be sent to an address: a little; to views that say so, and by somebody known, much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import Resolver404, resolve

LITTLE = 1024 * 1024  # bytes: no form that people fill in comes near it

V = TypeVar("V", bound=Callable[..., Any])


def takes_much(view: V) -> V:
    """A view to which large texts are meant to be sent, up to HITL_MAX_BODY_BYTES."""
    view.takes_much = True  # type: ignore[attr-defined]  # read by most_for()
    return view


def most_for(path: str, *, known: bool) -> int:
    """The most bytes that a request for that path may send; `known`: somebody has signed in."""
    if not known:
        return LITTLE
    try:
        view = resolve(path).func
    except Resolver404:
        return LITTLE
    much: int = settings.HITL_MAX_BODY_BYTES
    return max(much, LITTLE) if getattr(view, "takes_much", False) else LITTLE
