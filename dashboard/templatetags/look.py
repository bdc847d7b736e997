"""The look's components as tags: icons, risk, status, times, liveness, arguments, differences."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import arguments as table
from dashboard import difference as changes
from dashboard import durations
from dashboard.marks import mark
from ledger.clock import shown_now
from ledger.models import RUNNER_SILENT_AFTER

register = template.Library()

SOON = timedelta(minutes=10)  # from here a countdown is marked
GONE = timedelta(minutes=2)  # a runner silent for this long is called gone

RISKS = {"low": 1, "medium": 2, "high": 3, "critical": 4}

STATUSES: dict[str, tuple[str, str, str]] = {  # value: class, icon, word
    "pending": ("wait", "hourglass", "Pending"),
    "approved": ("yes", "check", "Approved"),
    "rejected": ("no", "x", "Rejected"),
    "needs_revision": ("revise", "pencil-line", "Needs revision"),
    "expired": ("quiet", "timer", "Expired"),
    "cancelled": ("quiet", "ban", "Cancelled"),
    "by_rule": ("quiet", "shield-check", "By rule"),
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
}


# ---- Small marks


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite, hidden from screen readers: there is always a word beside it."""
    return format_html(
        '<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("look/icons.svg"),
        name,
    )


@register.simple_tag
def risk(level: str) -> SafeString:
    """A risk level with its meter and word; an unknown one as plain text."""
    if level not in RISKS:
        return format_html("{}", level)
    return format_html(
        '<span class="risk is-{}">{}{}<span class="visually-hidden"> risk</span></span>',
        level,
        icon(f"risk-{RISKS[level]}"),
        str(level).capitalize(),
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


# ---- Times


@register.simple_tag
def moment(at: datetime | str | None, style: str = "clock") -> SafeString:
    """A time as `clock` (14:02:05), `date` (23 Nov 2026, 14:02) or `ago` (4 min ago).

    UTC until times.js puts it into the reader's zone; the title has the whole of it.
    """
    at = parse_datetime(at) if isinstance(at, str) else at
    if at is None:
        return SafeString("")
    at = at.astimezone(UTC)
    if style == "ago":
        text = f"{durations.lasted((shown_now() - at).total_seconds())} ago"
    elif style == "clock" and at.date() == shown_now().astimezone(UTC).date():
        text = f"{at:%H:%M:%S}"
    else:
        text = _day(at) if style == "date" else f"{at.day} {at:%b}, {at:%H:%M}"
    return _time(at, text, style)


@register.simple_tag
def due(deadline: datetime | None, shown_status: str = "pending") -> SafeString:
    """The time left of something pending, counted down by times.js; "" once it is decided."""
    if shown_status not in ("pending", "expired"):
        return SafeString("")
    if deadline is None:
        return format_html('<span class="due is-none">{}no deadline</span>', icon("hourglass"))
    remaining = deadline - shown_now()
    seconds = remaining.total_seconds()
    if seconds > 0:
        kind, text = (" is-soon" if remaining < SOON else ""), durations.left(seconds)
    else:
        kind, text = " is-late", f"passed {durations.lasted(-seconds)} ago"
    return format_html(
        '<span class="due{}" data-due="{}">{}{}</span>',
        kind,
        deadline.astimezone(UTC).isoformat(),
        icon("timer"),
        _time(deadline.astimezone(UTC), text),
    )


@register.simple_tag
def due_bar(created_at: datetime, deadline: datetime | None) -> SafeString:
    """The time left as a bar that times.js shortens; "" without a deadline."""
    if deadline is None:
        return SafeString("")
    whole = max(1, int((deadline - created_at).total_seconds()))
    seconds = max(0, int((deadline - shown_now()).total_seconds()))
    return format_html(
        '<progress class="due-bar" max="{}" value="{}" data-due="{}" aria-label="Time left">'
        "{}</progress>",
        whole,
        min(seconds, whole),
        deadline.astimezone(UTC).isoformat(),
        durations.left(seconds),
    )


@register.filter
def duration(value: timedelta | float | None) -> str:
    """How long a step took: "0.3 s", "4 min 02 s", "2 h 10 min"; "" for None."""
    if value is None:
        return ""
    return durations.exactly(value.total_seconds() if isinstance(value, timedelta) else value)


@register.simple_tag
def between(start: datetime | None, end: datetime | None) -> str:
    """How long it was from one time to another, as `duration`; "" if either is missing."""
    return duration(end - start) if start and end else ""


def _time(at: datetime, text: str, style: str = "") -> SafeString:
    title = f"{_day(at)}:{at:%S} UTC"
    kept = format_html(' data-time="{}"', style) if style else ""
    return format_html(
        '<time datetime="{}"{} title="{}">{}</time>', at.isoformat(), kept, title, text
    )


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M}"


# ---- Who drives a run


@register.simple_tag
def alive(run: Any, runners: Mapping[str, datetime] | None = None) -> SafeString:
    """Whether a run's agent is there, with the word for it; "" for no run.

    `runners`: the last sign of each runner by its name; without it the run's lease is judged.
    """
    if run is None:
        return SafeString("")
    kind, word = _liveness(run, runners)
    return format_html('<span class="alive{}">{}</span>', kind, word)


def _liveness(run: Any, runners: Mapping[str, datetime] | None) -> tuple[str, str]:
    if run.status == "in_doubt":
        return " is-gone", "runner gone"
    if run.status != "running":
        return ("" if run.status in ("waiting", "queued") else " is-over"), run.status
    seen = (runners or {}).get(run.runner) or run.lease_until
    silent = shown_now() - seen if seen else timedelta(0)
    if silent > GONE:
        return " is-gone", "runner gone"
    if silent > (RUNNER_SILENT_AFTER if runners else timedelta(0)):
        return " is-silent", f"no sign for {durations.lasted(silent.total_seconds())}"
    return "", "running"


# ---- What an agent wrote


@register.filter
def marked(text: Any) -> SafeString:
    """A text with every character that hides or imitates shown; escaped."""
    return mark(str(text))


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


@register.simple_tag
def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the arguments that differ: `{% changed_keys a b as changed %}`."""
    return changes.changed_keys(before, after)


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
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attrs),  # Django names the ids of help and error in it
        "label": label or bound.label,
        "check": kind in ("checkbox", "radio"),
    }
