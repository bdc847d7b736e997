"""The addresses of runs."""

from __future__ import annotations

from django.urls import path

from dashboard.runs import views

app_name = "runs"
urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/doubt/", views.doubt, name="doubt"),
]
