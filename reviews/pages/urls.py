"""The reviews' addresses."""

from __future__ import annotations

from django.urls import path

from reviews.pages import views

app_name = "reviews"
urlpatterns = [
    path("", views.index, name="index"),
    path("queue/", views.queue, name="queue"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/decide/", views.decide, name="decide"),
    path("<int:pk>/correct/", views.correct, name="correct"),
    path("<int:pk>/claim/", views.claim, name="claim"),
]
