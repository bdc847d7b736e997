"""Runs in doubt above a list: the evidence and the buttons of the run's page."""

from __future__ import annotations

from typing import Any

from django import template

from pages.filters import Filter
from pages.inbox import doubts, evidence

register = template.Library()


@register.inclusion_tag("_doubts.html", takes_context=True)
def runs_in_doubt(context: dict[str, Any]) -> dict[str, Any]:
    """Those that this person may see and the filter lets through, on the first page."""
    user, wanted = context["user"], context.get("filter") or Filter()
    found = []
    if user.has_perm("ledger.view_run") and not wanted.status and context.get("first_page", True):
        found = [
            {
                "doubt": each,
                "evidence": evidence.read_evidence(each.run),
                "about": evidence.about(each.run),
            }
            for each in doubts.rows(wanted)
        ]
    return {
        "doubts": found,
        "may_resolve": user.has_perm("ledger.resolve_run"),
        "csrf_token": context.get("csrf_token"),
    }
