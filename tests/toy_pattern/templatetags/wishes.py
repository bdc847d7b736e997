"""What the templates of wishes ask about one."""

from __future__ import annotations

from django import template

from tests.toy_pattern.models import Wish

register = template.Library()


@register.filter
def in_words(wish: Wish) -> str:
    """What is wished for, as a sentence."""
    return f"{wish.agent_id} wishes for {wish.wanted}"
