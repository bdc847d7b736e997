"""Gates, which operators edit, and requests, which the admin only shows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals import gates
from approvals.models import ApprovalRequest, Gate
from ledger.admin import ReadOnlyAdmin, json_of, text_of
from ledger.filters import RunFilter


class GateForm(forms.ModelForm):
    """A gate's rule, checked as the service checks it, so that errors stand beside the fields."""

    deadline_seconds = forms.IntegerField(
        min_value=1,
        max_value=gates.LONGEST,
        required=False,
        initial=gates.DAY,
        help_text="Rejected when nobody has decided by then. Empty waits as long as it takes.",
    )

    class Meta:
        model = Gate
        fields = ("name", "risk_threshold", "deadline_seconds", "deciders")


@admin.register(Gate)
class GateAdmin(admin.ModelAdmin):
    """A gate keeps its name, by which agents find it, and is never deleted: requests point at it."""

    form = GateForm
    list_display = ("name", "risk_threshold", "deadline_seconds", "show_deciders")
    search_fields = ("name",)
    filter_horizontal = ("deciders",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("deciders")

    @admin.display(description="deciders")
    def show_deciders(self, gate: Gate) -> str:
        return ", ".join(group.name for group in gate.deciders.all()) or "superusers only"

    def get_readonly_fields(self, request: HttpRequest, obj: Gate | None = None) -> tuple[str, ...]:
        return ("name", "created_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Gate | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Gate, form: ModelForm[Gate], change: bool
    ) -> None:
        """Through the service, which records the rule before and after in the log."""
        rule = {
            name: form.cleaned_data[name]
            for name in ("risk_threshold", "deadline_seconds", "deciders")
        }
        if change:
            gates.change(obj.pk, by=request.user, **rule)
        else:
            obj.pk = gates.create(form.cleaned_data["name"], by=request.user, **rule).pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing is left to do: the service has set the deciders."""


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    """All facts of a request. Deciding is for its page, where the services check who and what."""

    list_display = ("id", "action", "line", "agent_id", "risk_level", "show_status", "created_at")
    list_filter = ("status", "risk_level", "resolution", RunFilter)
    search_fields = ("action", "agent_id")
    ordering = ("-id",)
    fields = (
        "decide_there",
        ("action", "agent_id"),
        "arguments",
        "digest",
        ("risk_level", "risk_stated", "risk_declared"),
        "undoable",
        ("show_status", "resolution"),
        ("reviewer", "whole_feedback"),
        ("gate", "frozen_rule"),
        ("created_at", "deadline", "shortened", "resolved_at", "delivered_at"),
        ("run", "key"),
        ("revision", "previous", "author"),
        "line",
        "agents_words",
    )
    readonly_fields = (
        "decide_there",
        "arguments",
        "show_status",
        "whole_feedback",
        "frozen_rule",
        "line",
        "agents_words",
    )
    arguments, frozen_rule = json_of("details"), json_of("rule")
    line, whole_feedback, agents_words = text_of("preview"), text_of("feedback"), text_of("story")

    def view_on_site(self, obj: ApprovalRequest) -> str:
        """The page where it is decided."""
        return reverse("approvals:detail", args=[obj.pk])

    @admin.display(description="decided at")
    def decide_there(self, obj: ApprovalRequest) -> SafeString:
        return format_html(
            '<a href="{}">the page of this request</a>',
            reverse("approvals:detail", args=[obj.pk]),
        )

    @admin.display(description="status")
    def show_status(self, obj: ApprovalRequest) -> str:
        return obj.shown_status.replace("_", " ")
