"""Template tags about one item; nothing here knows who is reading."""

from __future__ import annotations

from typing import Any

from django import template

from ledger.accounts.people import name_of
from pages.history import Entry
from pages.rendering import difference as changes
from reviews import types
from reviews.contents import format_text
from reviews.models import ReviewItem
from reviews.pages import history as log
from reviews.pages import outputs
from reviews.pages.outputs import Shown

register = template.Library()


@register.simple_tag
def output(item: ReviewItem, raw: bool = False, whole: bool = False) -> Shown:
    """How the output is shown: `{% output item raw=True as shown %}`."""
    return outputs.render_output(
        item.content, types.find_type(item.output_type), raw=raw, whole=whole
    )


@register.simple_tag
def correction(item: ReviewItem) -> Shown:
    """How a person's text in its place is shown."""
    return outputs.render_output(item.correction, types.find_type(item.output_type), whole=True)


@register.inclusion_tag("_difference.html")
def output_difference(before: Any, after: Any, caption: str) -> dict[str, Any]:
    """What changed between two outputs, as a table."""
    old, new = {"output": format_text(before)}, {"output": format_text(after)}
    return {"hunks": changes.difference(old, new), "caption": caption}


@register.filter
def size_words(size: int) -> str:
    """A size in bytes, in words."""
    return outputs.size_of(size)


@register.filter
def reviewer(item: ReviewItem) -> str:
    """Who decided; "" while nobody has."""
    return name_of(item.reviewer)


@register.filter
def holder(item: ReviewItem) -> str:
    """Who has it in hand."""
    return name_of(item.claimed_by)


@register.filter
def ordinal(number: int) -> str:
    """A number of order: 2nd, 3rd, 11th."""
    teen = 10 <= number % 100 <= 20
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


@register.simple_tag
def review_history(item: ReviewItem) -> list[Entry]:
    """The lines of its history: `{% review_history item as lines %}`."""
    return log.entries(item)
