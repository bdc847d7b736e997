"""Times, deadlines and signs of life as the look shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.clock import read_local_clock
from ledger.models import RUNNER_SILENT_AFTER
from pages.rendering import durations
from pages.rendering.icons import icon

SOON = timedelta(minutes=10)  # from here a countdown is marked
GONE = timedelta(minutes=2)  # a runner silent for this long is called gone


def moment(at: datetime | str | None, style: str = "clock") -> SafeString:
    """A time as `clock` (14:02:05), `date` (23 Nov 2026, 14:02) or `ago` (4 min ago).

    UTC until times.js puts it into the reader's zone; the title has the whole of it.
    """
    at = parse_datetime(at) if isinstance(at, str) else at
    if at is None:
        return SafeString("")
    at = at.astimezone(UTC)
    if style == "ago":
        text = f"{durations.format_elapsed((read_local_clock() - at).total_seconds())} ago"
    elif style == "clock" and at.date() == read_local_clock().astimezone(UTC).date():
        text = f"{at:%H:%M:%S}"
    else:
        text = _day(at) if style == "date" else f"{at.day} {at:%b}, {at:%H:%M}"
    return _time(at, text, style)


def due(deadline: datetime | None, shown_status: str = "pending") -> SafeString:
    """The time left of something pending, counted down by times.js; "" once it is decided."""
    if shown_status not in ("pending", "expired"):
        return SafeString("")
    if deadline is None:
        return format_html('<span class="due is-none">{}no deadline</span>', icon("hourglass"))
    remaining = deadline - read_local_clock()
    seconds = remaining.total_seconds()
    if seconds > 0:
        kind, text = (" is-soon" if remaining < SOON else ""), durations.format_remaining(seconds)
    else:
        kind, text = " is-late", f"passed {durations.format_elapsed(-seconds)} ago"
    at = deadline.astimezone(UTC)
    # By hand, as in _time(): a page is full of these, and nothing in them was written by others.
    return SafeString(
        f'<span class="due{kind}" data-due="{at.isoformat()}">{icon("timer")}{_time(at, text)}</span>'
    )


def due_bar(created_at: datetime, deadline: datetime | None) -> SafeString:
    """The time left as a bar that times.js shortens; "" without a deadline."""
    if deadline is None:
        return SafeString("")
    whole = max(1, int((deadline - created_at).total_seconds()))
    seconds = max(0, int((deadline - read_local_clock()).total_seconds()))
    return format_html(
        '<progress class="due-bar" max="{}" value="{}" data-due="{}" aria-label="Time left">'
        "{}</progress>",
        whole,
        min(seconds, whole),
        deadline.astimezone(UTC).isoformat(),
        durations.format_remaining(seconds),
    )


def countdown(deadline: datetime | None) -> SafeString:
    """The time left within a sentence, counted down like `due`, without its icon."""
    if deadline is None:
        return SafeString("")
    at = deadline.astimezone(UTC).isoformat()
    left = durations.format_remaining(max(0.0, (deadline - read_local_clock()).total_seconds()))
    return format_html(
        '<span class="due num" data-due="{}"><time datetime="{}">{}</time></span>', at, at, left
    )


def duration(value: timedelta | float | None) -> str:
    """How long a step took: "0.3 s", "4 min 02 s", "2 h 10 min"; "" for None."""
    if value is None:
        return ""
    return durations.format_precise(
        value.total_seconds() if isinstance(value, timedelta) else value
    )


def between(start: datetime | None, end: datetime | None) -> str:
    """How long it was from one time to another, as `duration`; "" if either is missing."""
    return duration(end - start) if start and end else ""


def _time(at: datetime, text: str, style: str = "") -> SafeString:
    kept = f' data-time="{style}"' if style else ""
    title = f"{_day(at)}:{at:%S} UTC"
    return SafeString(f'<time datetime="{at.isoformat()}"{kept} title="{title}">{text}</time>')


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M}"


def alive(run: Any, runners: Mapping[str, datetime] | None = None) -> SafeString:
    """Whether a run's agent is there, with the word for it; "" for no run.

    `runners`: the last sign of each runner by its name; without it the run's lease is judged.
    """
    if run is None:
        return SafeString("")
    kind, word = _liveness(run, runners)
    return SafeString(f'<span class="alive{kind}">{word}</span>')


def _liveness(run: Any, runners: Mapping[str, datetime] | None) -> tuple[str, str]:
    if run.status == "in_doubt":
        return " is-gone", "in doubt"  # its runner may be there: nobody knows about the action
    if run.status != "running":
        return ("" if run.status in ("waiting", "queued") else " is-over"), run.status
    seen = (runners or {}).get(run.runner) or run.lease_until
    silent = read_local_clock() - seen if seen else timedelta(0)
    if silent > GONE:
        return " is-gone", "runner gone"
    if silent > (RUNNER_SILENT_AFTER if runners else timedelta(0)):
        return " is-silent", f"no sign for {durations.format_elapsed(silent.total_seconds())}"
    return "", "running"
