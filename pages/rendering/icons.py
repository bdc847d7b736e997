"""The icons of the sprite."""

from __future__ import annotations

from functools import cache

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString


@cache  # rows are full of them, and the names are ours: few
def icon(name: str) -> SafeString:
    """An icon of the sprite, hidden from screen readers: there is always a word beside it."""
    return format_html(
        '<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("look/icons.svg"),
        name,
    )
