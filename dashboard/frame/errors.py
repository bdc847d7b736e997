"""The answer to somebody who may not do what they asked for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.defaults import permission_denied


def show_denial(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: a page; for htmx a toast beside the page, so that what was typed there stays."""
    response: HttpResponse = permission_denied(request, exception)
    if request.headers.get("HX-Request") == "true":
        response["HX-Reswap"] = "none"
    return response
