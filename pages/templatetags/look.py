"""The look's components as tags: icons, risk, status, times, liveness, arguments, differences."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from django import template
from django.forms import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pages.addresses import address
from pages.cards import plain
from pages.rendering import arguments as table
from pages.rendering import difference as changes
from pages.rendering import times
from pages.rendering.icons import icon
from pages.rendering.marks import mark

register = template.Library()


RISKS = {"low": 1, "medium": 2, "high": 3, "critical": 4}

STATUSES: dict[str, tuple[str, str, str]] = {  # value: class, icon, word
    "pending": ("wait", "hourglass", "Pending"),
    "approved": ("yes", "check", "Approved"),
    "rejected": ("no", "x", "Rejected"),
    "needs_revision": ("revise", "pencil-line", "Needs revision"),
    "expired": ("quiet", "timer", "Expired"),
    "corrected": ("revise", "pencil-line", "Corrected"),
    "released": ("quiet", "eye-off", "Not reviewed"),
    "cancelled": ("quiet", "ban", "Cancelled"),
    "by_rule": ("quiet", "shield-check", "By rule"),
    "handled": ("yes", "bot", "Handled"),
    "answered": ("yes", "check", "Answered"),
    "dismissed": ("quiet", "ban", "Dismissed"),
    "queued": ("quiet", "clock", "Queued"),
    "running": ("wait", "play", "Running"),
    "waiting": ("wait", "hourglass", "Waiting"),
    "completed": ("yes", "check", "Completed"),
    "failed": ("error", "circle-alert", "Failed"),
    "in_doubt": ("doubt", "circle-help", "In doubt"),
    "started": ("wait", "play", "Started"),
    "done": ("yes", "check", "Done"),
    "abandoned": ("quiet", "ban", "Abandoned"),
    "cleared": ("quiet", "rotate-ccw", "Cleared"),
    "drafting": ("wait", "pencil-line", "Drafting"),
    "awaiting_feedback": ("wait", "hourglass", "Awaiting feedback"),
    "revising": ("revise", "pencil-line", "Revising"),
    "accepted": ("yes", "check", "Accepted"),
    "executing": ("wait", "play", "Executing"),
    "stopped": ("quiet", "ban", "Stopped"),
    "not_begun": ("quiet", "ban", "Not begun"),
    "step_waiting": ("quiet", "clock", "Waiting"),
    "step_input": ("wait", "user", "Waiting for a person"),
    "added": ("yes", "plus", "Added"),
    "removed": ("no", "trash-2", "Removed"),
    "changed": ("revise", "pencil-line", "Changed"),
    "moved": ("revise", "arrow-down", "Moved"),
}


# ---- Small marks


register.simple_tag(icon)


@register.simple_tag
def risk(level: str) -> SafeString:
    """A risk level with its meter and word; an unknown one as plain text."""
    return _risk(str(level)) if level in RISKS else format_html("{}", level)


@cache
def _risk(level: str) -> SafeString:
    return format_html(
        '<span class="risk is-{}">{}{}<span class="visually-hidden"> risk</span></span>',
        level,
        icon(f"risk-{RISKS[level]}"),
        level.capitalize(),
    )


@register.simple_tag
def status(value: str, word: str = "") -> SafeString:
    """A status as tag, icon and word; `word` says it more exactly ("Approved by rule")."""
    kind, name, known = STATUSES.get(value, ("quiet", "info", str(value).capitalize()))
    return format_html('<span class="status is-{}">{}{}</span>', kind, icon(name), word or known)


@register.filter
def status_class(value: str) -> str:
    """The class of a status's colour ("is-yes"), for histories and journals."""
    return f"is-{STATUSES.get(value, ('quiet',))[0]}"


@register.simple_tag
def digest(value: str) -> SafeString:
    """A digest's first twelve digits in groups; the title has them all."""
    short = " ".join(value[i : i + 4] for i in (0, 4, 8))
    return format_html('<code title="sha256 {}">{}</code>', value, short)


register.simple_tag(address)


# ---- Times and who drives a run


register.simple_tag(times.moment)
register.simple_tag(times.due)
register.simple_tag(times.due_bar)
register.simple_tag(times.countdown)
register.simple_tag(times.between)
register.simple_tag(times.alive)
register.filter(times.duration)


# ---- What an agent wrote


@register.filter("marked")
def mark_text(text: Any) -> SafeString:
    """A text with every character that hides or imitates shown; escaped."""
    return mark(str(text))


register.filter("plain", plain)  # where no box for a hidden character can stand


@register.inclusion_tag("_arguments.html")
def arguments(
    details: Mapping[str, Any],
    schema: Mapping[str, Any] | None = None,
    changed: Collection[str] = (),
    caption: str = "Arguments",
) -> dict[str, Any]:
    """All arguments of an action as a table, in full: `schema` is the action's JSON schema."""
    return {"rows": table.rows(details, schema or None, changed or ()), "caption": caption}


@register.inclusion_tag("_difference.html")
def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], caption: str = "Lines removed and added"
) -> dict[str, Any]:
    """What changed between the arguments of two revisions, as a table."""
    return {"hunks": changes.difference(before, after), "caption": caption}


@register.simple_tag(name="changed_keys")
def find_changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the arguments that differ: `{% changed_keys a b as changed %}`."""
    return changes.find_changed_keys(before, after)


# ---- Forms

_CONTROLS = {
    "checkbox": "form-check-input",
    "radio": "form-check-input",
    "select": "form-select",
}


@register.inclusion_tag("_field.html")
def field(bound: BoundField, label: str = "", help: bool = True) -> dict[str, Any]:
    """A form's field with label, help and error, tied together for screen readers."""
    kind = getattr(bound.field.widget, "input_type", "")
    if not help:
        bound.help_text = ""
    attrs: dict[str, Any] = {"class": _CONTROLS.get(kind, "form-control")}
    if bound.field.widget.attrs.get("placeholder") == bound.label:
        attrs["placeholder"] = False  # it would only repeat the label
    if bound.errors:
        attrs["autofocus"] = True  # of several a browser takes the first
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attrs),  # Django names the ids of help and error in it
        "label": label or bound.label,
        "check": kind in ("checkbox", "radio"),
    }
