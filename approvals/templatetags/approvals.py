"""Template tags about one request for approval; nothing here knows who is reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.safestring import SafeString

from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from approvals.pages import history as log
from ledger.accounts.people import name_of
from pages.rendering.marks import count_hidden, count_hidden_in, find_mixed_scripts, mark

register = template.Library()


@register.filter("hidden")
def count_hidden_in_request(approval: ApprovalRequest) -> int:
    """How many characters hide in what would run."""
    return count_hidden(approval.action) + count_hidden_in(approval.details)


@register.filter
def deceptive_lines(text: str) -> list[tuple[int, SafeString]]:
    """The lines of a text in which something hides or imitates, marked, with their numbers."""
    lines = enumerate(text.split("\n"), start=1)
    return [(n, mark(line)) for n, line in lines if count_hidden(line) or find_mixed_scripts(line)]


@register.filter("as_arguments")
def name_arguments(details: Any) -> Mapping[str, Any]:
    """The details as arguments by name; a value that has no names is one argument."""
    return details if isinstance(details, dict) else {"(value)": details}


@register.filter
def decider(approval: ApprovalRequest) -> str:
    """Who or what decided, as it reads after "by"; "" while nobody has."""
    if approval.reviewer is not None:
        return name_of(approval.reviewer)
    gate = f"the rule of the gate {approval.rule.get('gate', '')}"
    return {Resolution.RULE.value: gate, Resolution.DEADLINE.value: "the deadline"}.get(
        approval.resolution, ""
    )


@register.filter
def status_word(approval: ApprovalRequest) -> str:
    """A more exact word for the status where there is one, else ""."""
    edited = approval.status == ApprovalStatus.NEEDS_REVISION
    return "Edited" if edited and approval.resolution == Resolution.EDITED else ""


@register.filter
def status_name(approval: ApprovalRequest) -> str:
    """The status for the look's tag: what a rule approved is quieter than a person's word."""
    by_rule = approval.resolution == Resolution.RULE
    return "by_rule" if by_rule else approval.shown_status


@register.simple_tag
def history(approval: ApprovalRequest, revisions: list[ApprovalRequest] | None = None) -> Any:
    """The lines of its history: `{% history approval as lines %}`."""
    return log.entries(approval, revisions or log.revisions(approval))
