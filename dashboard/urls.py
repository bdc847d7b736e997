"""The dashboard's addresses."""

from __future__ import annotations

from django.urls import include, path

from dashboard import health, views

urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("runs/", include("dashboard.run_urls")),
    path("statistics/", include("dashboard.statistics_urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
