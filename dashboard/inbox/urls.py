"""The dashboard's addresses."""

from __future__ import annotations

from django.urls import include, path

from dashboard.frame import health
from dashboard.inbox import views

urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("runs/", include("dashboard.runs.urls")),
    path("statistics/", include("dashboard.statistics.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
