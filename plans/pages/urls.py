"""The plans' addresses."""

from __future__ import annotations

from django.urls import path

from plans.pages import views

app_name = "plans"
urlpatterns = [
    path("", views.index, name="index"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/change/", views.change, name="change"),
    path("<int:pk>/versions/<int:number>/", views.version, name="version"),
    path("<int:pk>/compare/", views.choose, name="choose"),
    path("<int:pk>/compare/<int:before>/<int:after>/", views.compare, name="compare"),
]
