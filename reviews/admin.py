"""Types of output and limits of tries, which operators edit, and items, which the admin only shows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.admin import ReadOnlyAdmin, text_of
from ledger.filters import RunFilter
from reviews import types
from reviews.models import OutputType, ReviewItem, TryLimit


@admin.register(OutputType)
class OutputTypeAdmin(admin.ModelAdmin):
    """A type keeps its name, by which agents name it, and is never deleted."""

    fields = ("name", "share", "rendering", "language")
    list_display = ("name", "share", "rendering", "language")
    search_fields = ("name",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: OutputType | None = None
    ) -> tuple[str, ...]:
        return ("name", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: OutputType | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: OutputType, form: ModelForm[OutputType], change: bool
    ) -> None:
        """Through the service, which records what was set before and after."""
        wanted = {name: form.cleaned_data[name] for name in ("share", "rendering", "language")}
        if change:
            types.change(obj.pk, by=request.user, **wanted)
        else:
            obj.pk = types.create(form.cleaned_data["name"], by=request.user, **wanted).pk


@admin.register(TryLimit)
class TryLimitAdmin(admin.ModelAdmin):
    """How often an agent may try; three times where nothing is set."""

    list_display = ("agent_id", "tries")
    search_fields = ("agent_id",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: TryLimit | None = None
    ) -> tuple[str, ...]:
        return ("agent_id",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: TryLimit | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: TryLimit, form: ModelForm[TryLimit], change: bool
    ) -> None:
        """Through the service, which records what was set before and after."""
        obj.pk = types.set_tries(obj.agent_id, form.cleaned_data["tries"], by=request.user).pk


@admin.register(ReviewItem)
class ReviewItemAdmin(ReadOnlyAdmin):
    """The facts of an item. Reading and deciding it is for its page; it may be large."""

    list_display = ("id", "output_type", "line", "agent_id", "status", "created_at")
    list_filter = ("status", RunFilter)
    search_fields = ("output_type", "agent_id")
    ordering = ("-id",)
    fields = (
        "read_there",
        ("output_type", "agent_id"),
        ("line", "about"),
        ("size", "words", "digest"),
        ("status", "reviewed", "approved", "share"),
        ("reviewer", "whole_feedback"),
        ("claimed_by", "claimed_at", "claimed_until"),
        ("created_at", "resolved_at", "delivered_at"),
        ("run", "key"),
        ("attempt", "previous"),
    )
    readonly_fields = ("read_there", "line", "about", "whole_feedback")
    line, about, whole_feedback = text_of("preview"), text_of("topic"), text_of("feedback")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*ReviewItem.HEAVY)

    def view_on_site(self, obj: ReviewItem) -> str:
        """The page where it is read and decided."""
        return reverse("reviews:detail", args=[obj.pk])

    @admin.display(description="read and decided at")
    def read_there(self, obj: ReviewItem) -> SafeString:
        return format_html(
            '<a href="{}">the page of this output</a>', reverse("reviews:detail", args=[obj.pk])
        )
