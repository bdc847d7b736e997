"""Template tags about one escalation; nothing here knows who is reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import template

from escalations.models import Escalation, Resolution
from escalations.pages import history
from ledger.accounts.people import name_of
from pages.history import Entry
from pages.rendering.marks import count_hidden

register = template.Library()

TITLE = 160  # characters of a question in a heading or a list


@register.filter
def short_question(escalation: Escalation) -> str:
    """The question as one line, cut where it is long; the page has it whole below."""
    line = " ".join(escalation.question.split())
    return line if len(line) <= TITLE else f"{line[:TITLE].rstrip()}…"


@register.filter("hidden_in_question")
def count_hidden_in_question(escalation: Escalation) -> int:
    """How many characters hide in the question and the attempt."""
    return count_hidden(escalation.question) + count_hidden(escalation.attempt)


@register.filter
def percent(value: float) -> str:
    """0.42 as "42 %", 0.4213 as "42.1 %"."""
    return f"{value * 100:.3g} %"


@register.filter
def hundredths(value: float) -> str:
    """0.42 as "42", for a drawing that is 100 wide."""
    return f"{value * 100:.4g}"


@register.filter("from_top")
def measure_from_top(value: float) -> str:
    """0.42 as "58", for a drawing that is 100 high."""
    return f"{(1 - value) * 100:.4g}"


@register.filter("ended_by")
def name_ender(escalation: Escalation) -> str:
    """Who or what ended it, as it reads after "by"; "" while nobody has."""
    if escalation.reviewer is not None:
        return name_of(escalation.reviewer)
    return {
        Resolution.HANDLER.value: "the program's handler",
        Resolution.DEADLINE.value: "the deadline",
        Resolution.RUN_OVER.value: "the end of its run",
    }.get(escalation.resolution, "")


@register.filter
def threshold_from(escalation: Escalation) -> str:
    """Where the threshold came from."""
    rule = escalation.rule
    if rule.get("row") is None:
        return "as the agent's code says"
    of = " and ".join(part for part in (rule.get("agent_id"), rule.get("type")) if part)
    return f"as set for {of}"


@register.filter
def context_rows(escalation: Escalation) -> Mapping[str, Any]:
    """The context by name, without the attempt, which stands above in the agent's own voice."""
    found = escalation.context
    if not isinstance(found, dict):
        return {"(value)": found}
    hidden = ("attempted_response",) if escalation.attempt else ()
    return {name: value for name, value in found.items() if name not in hidden}


@register.filter
def response_text(escalation: Escalation) -> str:
    """What a handler gave, for reading."""
    found = escalation.response
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, indent=2)


@register.simple_tag(name="told")
def read_history(escalation: Escalation) -> list[Entry]:
    """The lines of its history: `{% told escalation as lines %}`."""
    return history.entries(escalation)
