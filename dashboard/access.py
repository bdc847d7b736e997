"""Who may see a page of runs, and where strangers go."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from approvals.access import HtmxHttpRequest

P = ParamSpec("P")
View = Callable[Concatenate[HtmxHttpRequest, P], HttpResponse]


def is_stranger(request: HttpRequest) -> bool:
    return not request.user.is_authenticated


def needs(permission: str, reason: str) -> Callable[[View[P]], View[P]]:
    """Strangers to the sign-in page and back; 403 with `reason` without the permission."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def wrapped(request: HtmxHttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if is_stranger(request):
                return _sign_in(request)
            if not request.user.has_perm(permission):
                raise PermissionDenied(reason)
            response = view(request, *args, **kwargs)
            # One address answers with a page or a part of it; a cache must not mix them.
            patch_vary_headers(response, ["HX-Request"])
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return wrapped

    return decorate


def _sign_in(request: HtmxHttpRequest) -> HttpResponse:
    """To the sign-in page, and from there to the page that a GET can show."""
    if request.htmx:
        page = urlsplit(request.htmx.current_url or "")
        back = page.path + (f"?{page.query}" if page.query else "") or "/"
        return HttpResponseClientRedirect(redirect_to_login(back).url)
    here = request.get_full_path()
    if request.method != "GET":
        here = here.split("?")[0].removesuffix("cancel/").removesuffix("doubt/")
    return redirect_to_login(here)
