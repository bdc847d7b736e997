"""The escalations' addresses."""

from __future__ import annotations

from django.urls import path

from escalations.pages import views

app_name = "escalations"
urlpatterns = [
    path("", views.index, name="index"),
    path("calibration/", views.calibration, name="calibration"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/decide/", views.decide, name="decide"),
    path("<int:pk>/mark/", views.mark, name="mark"),
]
