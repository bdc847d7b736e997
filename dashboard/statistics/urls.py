"""The addresses of the statistics."""

from __future__ import annotations

from django.urls import path

from dashboard.statistics import views

app_name = "statistics"
urlpatterns = [
    path("", views.page, name="page"),
    path("looked/", views.note_look, name="looked"),
    path("<slug:table>.csv", views.export_csv, name="csv"),
    path("<slug:table>.json", views.export_json, name="json"),
]
