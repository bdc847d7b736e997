"""The admin's list of hosts that agents may reach."""

from __future__ import annotations

from django.contrib import admin

from hitl_agents.models import AllowedHost


@admin.register(AllowedHost)
class AllowedHostAdmin(admin.ModelAdmin):
    """Operators add and remove hosts here."""

    list_display = ("host", "allow_private", "note", "created_at")
    list_filter = ("allow_private",)
    search_fields = ("host", "note")
    readonly_fields = ("created_at",)
