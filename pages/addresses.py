"""Addresses of pages. Lists are full of them, and Django works each out anew every time."""

from __future__ import annotations

from functools import lru_cache

from django.urls import get_script_prefix, reverse

KEPT = 4_096  # addresses; more rows than people look at in an hour


def address(name: str, *keys: int) -> str:
    """What reverse() answers for the page of that name and these keys."""
    return _address(get_script_prefix(), name, keys)


@lru_cache(KEPT)
def _address(_prefix: str, name: str, keys: tuple[int, ...]) -> str:
    return reverse(name, args=keys)
