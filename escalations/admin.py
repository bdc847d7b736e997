"""Thresholds and kept answers, which operators edit, and escalations, which the admin only shows."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from escalations import thresholds
from escalations.knowledge import answers
from escalations.models import Escalation, Knowledge, Threshold
from ledger.admin import ReadOnlyAdmin, json_of, shorten, text_of
from ledger.filters import RunFilter

UNREAD_COUNTS = (
    "A confidence that cannot be read counts as 0.5: at a threshold of 0.5 or less such an answer "
    "goes through, and no person sees it."
)


class ThresholdForm(forms.ModelForm):
    """A rule, checked as the service checks it, so that errors stand beside the fields."""

    deadline_seconds = forms.IntegerField(
        min_value=1,
        max_value=thresholds.LONGEST,
        required=False,
        initial=thresholds.DAY,
        help_text="The agent goes on as uncertain then. Empty waits as long as it takes.",
    )

    class Meta:
        model = Threshold
        fields = ("agent_id", "type", "confidence", "risk_level", "deadline_seconds")
        help_texts: ClassVar = {
            "confidence": "0 to 1. The agent asks a person when it is less sure than this. "
            f"{UNREAD_COUNTS}"
        }

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance.pk and not (found.get("agent_id") or found.get("type")):
            self.add_error("agent_id", "Name an agent, a type, or both.")
        return found


@admin.register(Threshold)
class ThresholdAdmin(admin.ModelAdmin):
    """A row keeps the agent and the type it is for; questions that wait keep the rule they had."""

    form = ThresholdForm
    list_display = ("name", "agent_id", "type", "confidence", "risk_level", "deadline_seconds")
    search_fields = ("agent_id", "type")
    actions = None  # deleting several would go past the service

    @admin.display(description="of")
    def name(self, row: Threshold) -> str:
        return str(row)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Threshold | None = None
    ) -> tuple[str, ...]:
        return ("agent_id", "type") if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Threshold, form: ModelForm[Threshold], change: bool
    ) -> None:
        """Through the service, which records the rule before and after in the log."""
        names = ("confidence", "risk_level", "deadline_seconds")
        rule = {name: form.cleaned_data[name] for name in names}
        if change:
            thresholds.change(obj.pk, by=request.user, **rule)
        else:
            of = {name: form.cleaned_data[name] for name in ("agent_id", "type")}
            obj.pk = thresholds.create(by=request.user, **of, **rule).pk
        if rule["confidence"] <= thresholds.UNREADABLE:
            messages.warning(request, UNREAD_COUNTS)

    def delete_model(self, request: HttpRequest, obj: Threshold) -> None:
        thresholds.remove(obj.pk, by=request.user)


class KnowledgeForm(forms.ModelForm):
    """The answer, and whether it is offered."""

    retired = forms.BooleanField(
        required=False, help_text="A retired answer is never offered, nor put into a prompt."
    )

    class Meta:
        model = Knowledge
        fields = ("answer",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance is not None:
            self.initial["retired"] = self.instance.retired_at is not None


@admin.register(Knowledge)
class KnowledgeAdmin(admin.ModelAdmin):
    """Answers come from people who answer; here they are corrected and retired, never deleted."""

    form = KnowledgeForm
    list_display = (
        "id",
        "show_question",
        "show_answer",
        "agent_id",
        "uses",
        "is_offered",
        "created_at",
    )
    list_filter = (("retired_at", admin.EmptyFieldListFilter),)
    search_fields = ("question", "answer", "agent_id")
    list_select_related = ("answered_by",)
    ordering = ("-id",)
    fields = (
        "link_escalation",
        "agent_id",
        "asked_whole",
        "answer",
        "retired",
        "answered_by",
        "uses",
    )
    readonly_fields = ("link_escalation", "agent_id", "asked_whole", "answered_by", "uses")
    asked_whole = text_of("question")
    actions = ("retire", "restore")

    @admin.display(description="question")
    def show_question(self, row: Knowledge) -> str:
        return shorten(row.question)

    @admin.display(description="answer")
    def show_answer(self, row: Knowledge) -> str:
        return shorten(row.answer)

    @admin.display(description="offered", boolean=True)
    def is_offered(self, row: Knowledge) -> bool:
        return row.retired_at is None

    @admin.display(description="escalation")
    def link_escalation(self, row: Knowledge) -> SafeString:
        address = reverse("escalations:detail", args=[row.escalation_id])
        return format_html('<a href="{}">escalation {}</a>', address, row.escalation_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Knowledge | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Knowledge, form: ModelForm[Knowledge], change: bool
    ) -> None:
        """Through the services, which keep the index and the log."""
        answers.correct(obj.pk, by=request.user, answer=form.cleaned_data["answer"])
        verb = answers.retire if form.cleaned_data["retired"] else answers.restore
        verb(obj.pk, by=request.user)

    @admin.action(description="Retire: offer these no more", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: Any) -> None:
        for pk in queryset.values_list("pk", flat=True):
            answers.retire(pk, by=request.user)

    @admin.action(description="Restore: offer these again", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: Any) -> None:
        for pk in queryset.values_list("pk", flat=True):
            answers.restore(pk, by=request.user)


@admin.register(Escalation)
class EscalationAdmin(ReadOnlyAdmin):
    """All facts of an escalation. Answering is for its page, where the services check who and what."""

    list_display = (
        "id",
        "show_question",
        "agent_id",
        "type",
        "confidence",
        "show_status",
        "created_at",
    )
    list_filter = ("status", "risk_level", "resolution", "attempt_was", RunFilter)
    search_fields = ("agent_id", "type", "reason")
    ordering = ("-id",)
    fields = (
        "answer_there",
        ("agent_id", "type"),
        "whole_reason",
        "whole_context",
        "digest",
        ("confidence", "risk_level"),
        "frozen_rule",
        ("show_status", "resolution", "handler"),
        "whole_response",
        ("reviewer", "whole_feedback"),
        ("attempt_was", "marked_by"),
        ("claimed_by", "claimed_until"),
        ("handed_to", "handed_by", "whole_note"),
        ("created_at", "deadline", "shortened", "resolved_at", "delivered_at"),
        ("run", "key"),
    )
    readonly_fields = (
        "answer_there",
        "whole_reason",
        "whole_context",
        "frozen_rule",
        "show_status",
        "whole_response",
        "whole_feedback",
        "whole_note",
    )
    whole_reason, whole_feedback = text_of("reason"), text_of("feedback")
    whole_note, frozen_rule = text_of("handed_note"), json_of("rule")
    whole_context, whole_response = json_of("context"), json_of("response")

    def view_on_site(self, obj: Escalation) -> str:
        """The page where it is answered."""
        return obj.get_absolute_url()

    @admin.display(description="question")
    def show_question(self, obj: Escalation) -> str:
        return shorten(obj.question)

    @admin.display(description="answered at")
    def answer_there(self, obj: Escalation) -> SafeString:
        return format_html('<a href="{}">the page of this escalation</a>', obj.get_absolute_url())

    @admin.display(description="status")
    def show_status(self, obj: Escalation) -> str:
        return obj.shown_status
