"""Middleware: a page while the database is away, and no copy of a page in any cache."""

from __future__ import annotations

import logging
import secrets

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

log = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds
KEPT = "Nothing was decided; what you typed is still there. Try again in a moment."


class NoStoreMiddleware(MiddlewareMixin):
    """Says of every page that does not say otherwise that no cache may keep it: all know who asks.

    Static files are answered before it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The response, with the header if it had none."""
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class DatabaseDownMiddleware(MiddlewareMixin):
    """Answers 503 when a view fails because the database is locked, full, read-only or gone.

    The view's transaction is rolled back by then, so that nothing is half done. The page is
    rendered without the request: everything around a normal page would ask the database again.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer for a failed database, None for every other error."""
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        reference = f"{secrets.token_hex(2)}-{secrets.token_hex(1)}"
        log.error("Reference %s: %s %s", reference, request.method, request.path, exc_info=error)
        fragment = request.headers.get("HX-Request") == "true"
        content = render_to_string(
            "dashboard/_database_down.html" if fragment else "503.html",
            {
                "reference": reference,
                "retry": RETRY_AFTER,
                "reading": request.method in ("GET", "HEAD"),
                "path": request.get_full_path(),
                "text": f"{KEPT} The reference is {reference}.",
            },
        )
        response = HttpResponse(content, status=503, headers={"Cache-Control": "no-store"})
        response["Retry-After"] = str(RETRY_AFTER)
        if fragment:
            # The page's own content stays as it is, with what was typed.
            response["HX-Reswap"] = "none"
        return response
