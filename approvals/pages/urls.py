"""The approvals' addresses."""

from __future__ import annotations

from django.urls import path

from approvals.pages import views

app_name = "approvals"
urlpatterns = [
    path("", views.index, name="index"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/decide/", views.decide, name="decide"),
    path("<int:pk>/edit/", views.edit, name="edit"),
]
