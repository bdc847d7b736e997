"""The addresses of runs."""

from __future__ import annotations

from django.urls import path

from dashboard import runs

app_name = "runs"
urlpatterns = [
    path("", runs.index, name="index"),
    path("new/", runs.new, name="new"),
    path("<int:pk>/", runs.detail, name="detail"),
    path("<int:pk>/cancel/", runs.cancel, name="cancel"),
    path("<int:pk>/doubt/", runs.doubt, name="doubt"),
]
