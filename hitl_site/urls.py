"""Every address, by the app that answers it."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path

from pages import patterns


def closed(request: HttpRequest) -> HttpResponse:
    """Not here: administrators make accounts and set new passwords. No stranger sends mail."""
    raise Http404


urlpatterns = [
    path("", include("dashboard.inbox.urls")),
    *(path(f"{pattern.app}/", include(pattern.urls)) for pattern in patterns.list_pages()),
    re_path(r"^accounts/(?:signup|email|confirm-email|password/reset)/", closed),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler403 = "dashboard.frame.errors.show_denial"
