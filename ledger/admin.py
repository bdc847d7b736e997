"""The record in the admin: runs, their journals, runners and the log, all read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Max, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from ledger.filters import ActorFilter, KindFilter, RunFilter, TimeFilter
from ledger.log import export
from ledger.log.calendar import CalendarQuerySet
from ledger.models import Event, JournalEntry, Run, Runner

CUT = 80  # characters of a text in a list


def spell_out(text: str) -> str:
    """The text with every character that prints nothing spelled out, such as \\u202e."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def pretty(value: Any) -> str:
    """A JSON value over several lines, with nothing invisible in it but the indentation."""
    lines = spell_out(json.dumps(value, ensure_ascii=False, indent=2)).split("\n")
    widths = [len(line) - len(line.lstrip(" ")) for line in lines]
    # Blanks at the start of a line would collapse in HTML.
    return "\n".join("\u00a0" * n + line[n:] for n, line in zip(widths, lines, strict=True))


def text_of(field: str) -> Callable[[Any, Any], str]:
    """A column or field of an admin that shows a text, with what prints nothing spelled out."""

    @admin.display(description=field.replace("_", " "))
    def show(self: Any, obj: Any) -> str:
        return spell_out(getattr(obj, field))

    return show


def json_of(field: str) -> Callable[[Any, Any], str]:
    """A field of an admin that shows a JSON value."""

    @admin.display(description=field.replace("_", " "))
    def show(self: Any, obj: Any) -> str:
        return pretty(getattr(obj, field))

    return show


def shorten(text: str) -> str:
    """The beginning of a text for a list."""
    line = spell_out(" ".join(text.split()))
    return line if len(line) <= CUT else f"{line[:CUT]}…"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows to whoever may view them. Nobody adds, changes or deletes, superusers included."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("id", "agent_id", "work", "status", "requester", "created_at", "finished_at")
    list_filter = ("status", "library", "example")
    list_select_related = ("requester",)
    search_fields = ("agent_id", "task")
    ordering = ("-id",)
    fields = (
        ("agent", "agent_id"),
        ("requester", "owner"),
        ("library", "example"),
        "whole_task",
        "input_json",
        "status",
        "result_json",
        "whole_error",
        "doubt_json",
        ("created_at", "started_at", "finished_at"),
        ("generation", "attempts", "not_before"),
        ("runner", "fence", "lease_until"),
    )
    readonly_fields = ("whole_task", "input_json", "result_json", "whole_error", "doubt_json")
    whole_task, whole_error = text_of("task"), text_of("error")
    input_json, result_json, doubt_json = json_of("input"), json_of("result"), json_of("doubt")

    def view_on_site(self, run: Run) -> str:
        """The run's page: there it is followed, cancelled or resolved."""
        return reverse("runs:detail", args=[run.pk])

    @admin.display(description="task")
    def work(self, run: Run) -> str:
        return shorten(run.task)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "run_id", "kind", "what", "entry_key", "status", "started_at")
    list_filter = ("kind", "status", RunFilter)
    search_fields = ("key", "name")
    ordering = ("-id",)
    fields = (
        ("run", "generation"),
        ("kind", "what"),
        "entry_key",
        "status",
        "sent",
        "result_json",
        "whole_error",
        "note",
        ("request_kind", "request_id"),
        ("runner", "fence", "attempt"),
        ("started_at", "finished_at"),
        "evidence",
        "input_digest",
    )
    readonly_fields = ("what", "entry_key", "sent", "result_json", "whole_error")
    what, entry_key, sent = text_of("name"), text_of("key"), text_of("input")
    result_json, whole_error = json_of("result"), text_of("error")


@admin.register(Runner)
class RunnerAdmin(ReadOnlyAdmin):
    list_display = ("name", "host", "pid", "started_at", "seen_at", "stopped")
    list_filter = ("stopped",)
    search_fields = ("name", "host")
    ordering = ("-seen_at",)


class LogPaginator(Paginator):
    """The whole log is not counted: its ids have no gaps, so the last one is the count."""

    @cached_property
    def count(self) -> int:
        query = getattr(self.object_list, "query", None)
        if query is None or query.where:
            return super().count
        return int(Event.objects.aggregate(last=Max("id"))["last"] or 0)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The log: by time, actor, kind, run and subject; what is selected can be downloaded."""

    list_display = ("id", "show_time", "kind", "about", "actor", "run_id", "show_data")
    list_filter = (TimeFilter, ActorFilter, RunFilter, KindFilter)
    date_hierarchy = "at"
    search_fields = ("subject",)
    search_help_text = "A subject, such as approvals.approvalrequest:42 or ledger.run:"
    ordering = ("-id",)
    paginator = LogPaginator
    actions = ("export_csv", "export_jsonl")
    fields = ("id", "show_time", "kind", "about", "actor", "run", "whole_data", "hash")
    readonly_fields = ("show_time", "about", "whole_data")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return CalendarQuerySet(Event).order_by(*self.ordering)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """One subject, or all that begin so; 42 must not find 421."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term[-1].isdecimal():
            return queryset.filter(subject=term), False
        return queryset.filter(subject__startswith=term), False

    @admin.action(description="Export selected as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Event]) -> StreamingHttpResponse:
        return export.stream_csv(request, queryset)

    @admin.action(description="Export selected as JSONL", permissions=["view"])
    def export_jsonl(
        self, request: HttpRequest, queryset: QuerySet[Event]
    ) -> StreamingHttpResponse:
        return export.stream_jsonl(request, queryset)

    @admin.display(description="at (UTC)", ordering="at")
    def show_time(self, event: Event) -> str:
        return f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"

    @admin.display(description="subject", ordering="subject")
    def about(self, event: Event) -> str:
        return spell_out(event.subject)

    @admin.display(description="data")
    def show_data(self, event: Event) -> str:
        return shorten(event.data)

    @admin.display(description="data")
    def whole_data(self, event: Event) -> str:
        return pretty(event.payload)
