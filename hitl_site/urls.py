"""Every address, by the app that answers it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("dashboard.urls")),
    path("approvals/", include("approvals.urls")),
    path("escalations/", include("escalations.urls")),
    path("reviews/", include("reviews.urls")),
    path("plans/", include("plans.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler403 = "dashboard.errors.denied"
