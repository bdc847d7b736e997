"""The addresses of the statistics."""

from __future__ import annotations

from django.urls import path

from dashboard import statistics

app_name = "statistics"
urlpatterns = [
    path("", statistics.page, name="page"),
    path("looked/", statistics.looked, name="looked"),
    path("<slug:table>.csv", statistics.as_csv, name="csv"),
    path("<slug:table>.json", statistics.as_json, name="json"),
]
