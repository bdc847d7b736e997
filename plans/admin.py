"""Plans with all that belongs to them in the admin: shown, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from ledger.admin import ReadOnlyAdmin, json_of, shorten, text_of
from ledger.filters import RunFilter
from plans.models import Plan, PlanMessage, PlanStep, PlanTurn, PlanVersion, StepRun


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    """Working on a plan is for its page, where the services check who and what."""

    list_display = ("id", "aim", "agent_id", "status", "version", "risk_level", "created_at")
    list_filter = ("status", "risk_level", RunFilter)
    search_fields = ("goal", "agent_id")
    ordering = ("-id",)
    fields = (
        "whole_goal",
        ("agent_id", "run", "key"),
        ("status", "version", "accepted_version"),
        "risk_level",
        "known_actions",
        ("created_at", "first_accepted_at", "finished_at"),
        "whole_error",
        "models_words",
    )
    readonly_fields = ("whole_goal", "known_actions", "whole_error", "models_words")
    whole_goal, whole_error, models_words = text_of("goal"), text_of("error"), text_of("text")
    known_actions = json_of("actions")

    def view_on_site(self, plan: Plan) -> str:
        """The page where it is worked on."""
        return reverse("plans:detail", args=[plan.pk])

    @admin.display(description="goal")
    def aim(self, plan: Plan) -> str:
        return shorten(plan.goal)


@admin.register(PlanVersion)
class PlanVersionAdmin(ReadOnlyAdmin):
    list_display = ("id", "plan_id", "number", "author", "created_at", "material", "accepted_by")
    list_select_related = ("author", "accepted_by")
    ordering = ("-id",)
    fields = (
        ("plan", "number"),
        ("author", "created_at"),
        "material",
        ("accepted_at", "accepted_by"),
        "why",
        "all_decisions",
        "all_risks",
        "all_questions",
    )
    readonly_fields = ("why", "all_decisions", "all_risks", "all_questions")
    why = text_of("explanation")
    all_decisions, all_risks = json_of("decisions"), json_of("risks")
    all_questions = json_of("questions")


@admin.register(PlanStep)
class PlanStepAdmin(ReadOnlyAdmin):
    list_display = ("id", "version", "position", "identity", "headline", "risk_level")
    list_select_related = ("version",)
    ordering = ("-id",)
    fields = (
        ("version", "position", "identity"),
        "headline",
        "what",
        "uses",
        ("risk_level", "undoable"),
        ("person", "asked"),
        "agents_words",
    )
    readonly_fields = ("headline", "what", "uses", "asked", "agents_words")
    headline, what, asked = text_of("title"), text_of("does"), text_of("asks")
    uses, agents_words = json_of("actions"), text_of("note")


@admin.register(StepRun)
class StepRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "plan_id", "identity", "attempt", "status", "started_at", "finished_at")
    list_filter = ("status",)
    ordering = ("-id",)
    fields = (
        ("plan", "identity", "attempt"),
        "step",
        ("status", "started_at", "finished_at"),
        "brought",
        "whole_error",
        ("words", "input_by"),
    )
    readonly_fields = ("brought", "whole_error", "words")
    brought, whole_error = json_of("result"), text_of("error")

    @admin.display(description="human input")
    def words(self, found: StepRun) -> str:
        return shorten(found.human_input or "")


@admin.register(PlanMessage)
class PlanMessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "plan_id", "version", "kind", "author", "show_beginning", "at")
    list_filter = ("kind",)
    list_select_related = ("author",)
    ordering = ("-id",)
    fields = (("plan", "version", "kind"), ("author", "at"), ("step", "question"), "topic", "words")
    readonly_fields = ("topic", "words")
    topic, words = text_of("about"), text_of("text")

    @admin.display(description="text")
    def show_beginning(self, message: PlanMessage) -> str:
        return shorten(message.text)


@admin.register(PlanTurn)
class PlanTurnAdmin(ReadOnlyAdmin):
    list_display = ("id", "plan_id", "kind", "status", "outcome", "reviewer", "created_at")
    list_filter = ("status", "kind", RunFilter)
    ordering = ("-id",)
    fields = (
        ("plan", "kind", "version", "step"),
        "question",
        ("status", "outcome"),
        ("reviewer", "words"),
        ("risk_level", "agent_id"),
        ("created_at", "resolved_at", "delivered_at"),
        ("run", "key"),
    )
    readonly_fields = ("question", "words")
    question, words = text_of("asks"), text_of("feedback")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("reviewer")

    def view_on_site(self, turn: PlanTurn) -> str:
        """The page of its plan."""
        return reverse("plans:detail", args=[turn.plan_id])
