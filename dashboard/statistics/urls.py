"""The addresses of the statistics."""

from __future__ import annotations

from django.urls import path

from dashboard.statistics import views

app_name = "statistics"
urlpatterns = [
    path("", views.page, name="page"),
    path("looked/", views.looked, name="looked"),
    path("<slug:table>.csv", views.as_csv, name="csv"),
    path("<slug:table>.json", views.as_json, name="json"),
]
