"""Template tags about runs and questions of any pattern; nothing here knows who is reading."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ledger.accounts.people import name_of
from ledger.requests.models import HumanRequest
from pages import patterns
from pages.inbox.lanes import Fragment
from pages.inbox.rows import place_of
from pages.rendering.marks import count_hidden, mark

register = template.Library()

register.filter("called", patterns.call)
register.filter("page_of", patterns.address_of)
register.filter("hides", count_hidden)
register.filter(name_of)


@register.simple_tag
def draw(fragment: Fragment) -> str:
    """A piece of the page that something below has put together."""
    return render_to_string(fragment.template, {**fragment.context})


@register.filter
def urgency(request: HumanRequest) -> str:
    """Its place in the order of the inbox: "3|2026-11-23T14:28:00.000000+00:00|0|42"."""
    return str(place_of(request))


@register.filter
def schema_of(name: str) -> dict[str, Any]:
    """The schema of an action's arguments; {} for one that is not registered here."""
    declared = patterns.find_action(name)
    return declared.schema() if declared else {}


@register.filter
def is_group(value: Any) -> bool:
    """Whether a JSON value has names, so that it can be shown as a table."""
    return isinstance(value, dict) and bool(value)


@register.filter("as_json")
def render_json(value: Any) -> SafeString:
    """A JSON value for reading, with what hides in it marked."""
    if isinstance(value, str):
        return mark(value)
    return mark(json.dumps(value, ensure_ascii=False, indent=2))
